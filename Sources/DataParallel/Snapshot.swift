import Diagnostics
import Execution

/// A copy of parameters and optimizer state as they were after some step, in the engine's layout.
public final class Snapshot: @unchecked Sendable {
    /// Where parameters lie.
    public let layout: ParameterLayout
    private let arenas: UnsafeMutablePointer<Float>
    private let stateNames: [String]

    init(
        memory: NodeMemory, layout: ParameterLayout,
        arenas saved: [(name: String, arena: UnsafeMutablePointer<Float>)]
    ) {
        self.layout = layout
        stateNames = saved.map(\.name)
        let count = layout.elementCount
        arenas =
            UnsafeMutableRawPointer
            .allocate(byteCount: count * (1 + stateNames.count) * MemoryLayout<Float>.size, alignment: 64)
            .bindMemory(to: Float.self, capacity: count * (1 + stateNames.count))
        arenas.update(from: memory.parameters, count: count)
        for (index, (_, arena)) in saved.enumerated() {
            (arenas + (index + 1) * count).update(from: arena, count: count)
        }
    }

    deinit { arenas.deallocate() }

    /// The parameters' arena.
    public var parameters: UnsafePointer<Float> { UnsafePointer(arenas) }

    /// A tensor of a snapshot, exported when it is asked for.
    public struct Tensor: Sendable {
        /// For instance `layers.0.weight`, or `layers.0.weight.exp_avg`.
        public let name: String
        /// The extents as checkpoints hold them.
        public let shape: [Int]
        private let snapshot: Snapshot
        private let segment: ParameterLayout.Segment
        private let arena: Int

        fileprivate init(
            _ name: String, _ snapshot: Snapshot, _ segment: ParameterLayout.Segment, arena: Int
        ) {
            self.name = name
            shape = segment.storedShape
            (self.snapshot, self.segment, self.arena) = (snapshot, segment, arena)
        }

        /// The elements, row-major in PyTorch's layout.
        public func values() -> [Float] {
            let layout = snapshot.layout
            return layout.export(segment, from: snapshot.arenas + arena * layout.elementCount)
        }
    }

    /// The parameters, in the order of their names.
    public var parameterTensors: [Tensor] {
        layout.allSegments.map { Tensor($0.name, self, $0, arena: 0) }.sorted { $0.name < $1.name }
    }

    /// The optimizer's state, in the order of names.
    public var optimizerTensors: [Tensor] {
        layout.segments.flatMap { segment in
            stateNames.enumerated().map { Tensor("\(segment.name).\($1)", self, segment, arena: $0 + 1) }
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
        for (name, arena) in arenas {
            for segment in layout.segments {
                let tensor = try Self.find("\(segment.name).\(name)", segment, in: optimizer)
                layout.restore(segment, from: tensor.values, to: arena)
            }
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
