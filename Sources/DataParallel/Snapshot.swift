import Diagnostics
import Execution

/// A copy of parameters and optimizer state as they were after some step, in the engine's layout.
public final class Snapshot: @unchecked Sendable {
    /// Where parameters lie.
    public let layout: ParameterLayout
    private let copy: ArenaCopies
    private let states: ArenaCopies
    private let stateNames: [String]

    /// Copies the parameters, and takes state that was gathered.
    init(memory: NodeMemory, layout: ParameterLayout, states: ArenaCopies, stateNames: [String]) {
        self.layout = layout
        self.states = states
        self.stateNames = stateNames
        copy = ArenaCopies(count: 1, elementCount: layout.elementCount)
        copy.arena(0).update(from: memory.parameters, count: layout.elementCount)
    }

    /// Copies parameters and state.
    convenience init(
        memory: NodeMemory, layout: ParameterLayout,
        arenas saved: [(name: String, arena: UnsafeMutablePointer<Float>)]
    ) {
        let states = ArenaCopies(count: saved.count, elementCount: layout.elementCount)
        for (index, (_, arena)) in saved.enumerated() {
            states.arena(index).update(from: arena, count: layout.elementCount)
        }
        self.init(memory: memory, layout: layout, states: states, stateNames: saved.map(\.name))
    }

    /// The parameters' arena.
    public var parameters: UnsafePointer<Float> { UnsafePointer(copy.arena(0)) }

    /// A tensor of a snapshot, exported when it is asked for.
    public struct Tensor: Sendable {
        /// For instance `layers.0.weight`, or `layers.0.weight.exp_avg`.
        public let name: String
        /// The extents as checkpoints hold them.
        public let shape: [Int]
        /// The name of the parameter, or of the one whose state it is.
        public var parameter: String { segment.name }
        private let snapshot: Snapshot
        private let segment: ParameterLayout.Segment
        private let state: Int?

        fileprivate init(
            _ name: String, _ snapshot: Snapshot, _ segment: ParameterLayout.Segment, state: Int? = nil
        ) {
            self.name = name
            shape = segment.storedShape
            (self.snapshot, self.segment, self.state) = (snapshot, segment, state)
        }

        /// The elements, row-major in PyTorch's layout.
        public func values() -> [Float] {
            snapshot.layout.export(
                segment, from: state.map { UnsafePointer(snapshot.states.arena($0)) } ?? snapshot.parameters)
        }
    }

    /// The parameters, in the order of their names.
    public var parameterTensors: [Tensor] {
        layout.allSegments.map { Tensor($0.name, self, $0) }.sorted { $0.name < $1.name }
    }

    /// The optimizer's state, in the order of names.
    public var optimizerTensors: [Tensor] {
        layout.segments.flatMap { segment in
            stateNames.enumerated().map { Tensor("\(segment.name).\($1)", self, segment, state: $0) }
        }.sorted { $0.name < $1.name }
    }

    /// All of it at once.
    public func exported() -> TrainedState {
        func stored(_ tensors: [Tensor]) -> [String: StoredTensor] {
            Dictionary(
                uniqueKeysWithValues: tensors.map {
                    ($0.name, StoredTensor(shape: $0.shape, values: $0.values()))
                })
        }
        var state = TrainedState(parameters: stored(parameterTensors))
        state.optimizer = stored(optimizerTensors)
        return state
    }
}

/// A row-major tensor as a checkpoint holds it.
public struct StoredTensor: Sendable, Equatable {
    /// The extents.
    public var shape: [Int]
    /// The elements.
    public var values: [Float]

    /// Creates a tensor.
    public init(shape: [Int], values: [Float]) {
        self.shape = shape
        self.values = values
    }
}

/// Parameters and optimizer state by name.
public struct TrainedState: Sendable, Equatable {
    /// For instance `layers.0.weight`.
    public var parameters: [String: StoredTensor] = [:]
    /// For instance `layers.0.weight.exp_avg`.
    public var optimizer: [String: StoredTensor] = [:]
    /// The names of parameters that stay as they are and are not of this run: their optimizer has no state.
    public var base: Set<String> = []

    /// An empty state, or one of parameters alone.
    public init(parameters: [String: StoredTensor] = [:]) { self.parameters = parameters }

    /// Writes parameters alone into an arena, for evaluation and prediction. What files of PyTorch and Hugging Face
    /// hold beside parameters is passed over: see ``NamesakeTensors``.
    /// - Throws: `LockstepError` naming a tensor that is missing, has another shape or is not the model's.
    public func restoreParameters(into arena: UnsafeMutablePointer<Float>, layout: ParameterLayout) throws {
        for segment in layout.allSegments {
            let tensor = try Self.find(segment.name, segment, in: parameters)
            layout.restore(segment, from: tensor.values, to: arena)
        }
        let known = Set(layout.allSegments.map(\.name))
        try Self.refuseStrangers(
            parameters.filter { !NamesakeTensors.holdsNoParameter($0.key) }, known: known)
        try NamesakeTensors.requireCopies(parameters, known: known)
    }

    /// Writes those parameters into an arena that there are, and leaves all others as they are.
    func restoreKnown(into arena: UnsafeMutablePointer<Float>, layout: ParameterLayout) {
        for segment in layout.allSegments {
            guard let tensor = parameters[segment.name], tensor.shape == segment.storedShape else { continue }
            layout.restore(segment, from: tensor.values, to: arena)
        }
    }

    func restore(
        into memory: NodeMemory, _ arenas: [(name: String, arena: UnsafeMutablePointer<Float>)],
        layout: ParameterLayout
    ) throws {
        try restoreParameters(into: memory.parameters, layout: layout)
        for (name, arena) in arenas { try restore(name, into: arena, layout: layout) }
    }

    /// Writes an arena of state.
    /// - Parameter name: for instance `exp_avg`.
    func restore(_ name: String, into arena: UnsafeMutablePointer<Float>, layout: ParameterLayout) throws {
        for segment in layout.segments where !base.contains(segment.name) {
            let tensor = try Self.find("\(segment.name).\(name)", segment, in: optimizer)
            layout.restore(segment, from: tensor.values, to: arena)
        }
    }

    /// How many nodes' residuals it holds.
    var residualCount: Int {
        let parameter = parameters.keys.first { optimizer["\($0).residual.0"] != nil }
        return parameter.map { name in (0...).first { optimizer["\(name).residual.\($0)"] == nil } ?? 0 } ?? 0
    }

    private static func find(
        _ name: String, _ segment: ParameterLayout.Segment, in tensors: [String: StoredTensor]
    ) throws -> StoredTensor {
        let remedy = "use the recipe that the checkpoint was trained with"
        guard let tensor = tensors[name] else {
            throw LockstepError(.mismatch, "the checkpoint has no tensor '\(name)'", remedy: remedy)
        }
        guard tensor.shape == segment.storedShape, tensor.values.count == segment.elementCount else {
            throw LockstepError(
                .mismatch,
                "tensor '\(name)' of the checkpoint is \(tensor.shape), the model needs \(segment.storedShape)",
                remedy: remedy)
        }
        return tensor
    }

    private static func refuseStrangers(_ tensors: [String: StoredTensor], known: Set<String>) throws {
        let stranger = tensors.keys.sorted().first {
            !known.contains($0) && !NamesakeTensors.isCopy($0, known: known)
        }
        guard let stranger else { return }
        throw LockstepError(
            .mismatch, "the checkpoint has a tensor '\(stranger)' that the model lacks",
            remedy: "use the recipe that the checkpoint was trained with")
    }
}
