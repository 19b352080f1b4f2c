import Diagnostics

/// A traced computation: nodes in the order of their creation, which is an order of execution.
///
/// Not thread-safe: a graph is traced, differentiated and planned on one thread, once.
public final class Graph {
    /// One value and how it comes to be.
    public struct Node {
        /// What computes it; `nil` for a leaf.
        public let operation: (any Operation)?
        /// What it is when it is not computed.
        public let leaf: Leaf?
        /// The operands, as node numbers.
        public let operands: [Int]
        /// Shape and element type.
        public let type: TensorType
        /// The layer that created it, for instance `layers.0`.
        public let path: String
        /// Whether it computes again for backward what forward forgot: see ``Graph/block(_:)``.
        public var isRecomputed = false
    }

    /// A trained tensor.
    public struct Parameter {
        /// The name in checkpoints, for instance `layers.0.weight`.
        public let name: String
        /// The shape as the engine holds it.
        public let shape: Shape
        /// How checkpoints hold it.
        public let storage: ParameterStorage
        /// Where its first values come from.
        public let initializer: any Initializer
        /// Whether L1 and L2 regularization apply: to weights, not to biases. (An optimizer's weight decay
        /// applies to all parameters, as in PyTorch.)
        public let isRegularized: Bool
        /// The node that stands for it.
        public let node: Int
    }

    /// State of a layer that is not trained by gradient but follows a statistic of the batch, for instance a batch
    /// norm's running mean: each step, new = (1 − momentum)·old + momentum·(the statistic's mean over the step's
    /// micro-batches, weighted by their loss terms).
    public struct Buffer {
        /// The name in checkpoints, for instance `layers.0.running_mean`.
        public let name: String
        /// The shape.
        public let shape: Shape
        /// The first value of every element.
        public let initial: Float
        /// How much of a step's statistic enters.
        public let momentum: Double
        /// The node of the micro-batch's statistic; `nil` where the graph does not train.
        public let statistic: Int?
        /// The node that stands for it.
        public let node: Int
    }

    /// All nodes; a node only refers to earlier ones.
    public private(set) var nodes: [Node] = []
    /// All trained tensors in the order in which tracing met them.
    public private(set) var parameters: [Parameter] = []
    /// All state that follows statistics, in the order in which tracing met it.
    public private(set) var buffers: [Buffer] = []
    /// Whether the graph trains: dropout acts only then.
    public let isTraining: Bool
    /// What backward computes again instead of keeping it.
    public let recompute: Recompute
    /// Whether batch norms take their statistics over a whole step instead of over a logical shard.
    public let synchronizesBatchNorm: Bool
    /// What earlier calls kept, where the graph decodes token by token.
    public internal(set) var decoding: Decoding?
    /// The blocks that backward computes again.
    var blocks: [RecomputedBlock] = []
    var isInsideBlock = false
    /// The paths of a model's layers, found before tracing; a layer that is not in here is named by its kind.
    private let layerPaths: [ObjectIdentifier: String]
    private var scopes: [String] = []
    private var parameterOfOwner: [String: Int] = [:]
    private var bufferOfOwner: [String: Int] = [:]

    /// Creates an empty graph.
    /// - Parameters:
    ///   - layerPaths: the path of each layer object, for instance `layers.0`.
    ///   - recompute: what backward computes again instead of keeping it.
    ///   - synchronizesBatchNorm: whether batch norms take their statistics over a whole step, all logical shards
    ///     together.
    public init(
        isTraining: Bool = true, layerPaths: [ObjectIdentifier: String] = [:],
        recompute: Recompute = .nothing, synchronizesBatchNorm: Bool = false
    ) {
        self.isTraining = isTraining
        self.recompute = recompute
        self.synchronizesBatchNorm = synchronizesBatchNorm
        self.layerPaths = layerPaths
    }

    /// The path of the layer being traced.
    public var path: String { scopes.last ?? "" }

    /// Runs `body` with nodes and parameters belonging to a path.
    public func scope<Result>(_ path: String, _ body: () throws -> Result) rethrows -> Result {
        scopes.append(path)
        defer { scopes.removeLast() }
        return try body()
    }

    /// Runs `body` with nodes and parameters belonging to a layer.
    public func scope<Result>(of layer: AnyObject, kind: String, _ body: () throws -> Result) rethrows
        -> Result
    {
        try scope(layerPaths[ObjectIdentifier(layer)] ?? (path.isEmpty ? kind : path + "." + kind), body)
    }

    /// A field of the micro-batch.
    public func input(_ name: String, _ type: TensorType) -> Tensor {
        append(Node(operation: nil, leaf: .input(name), operands: [], type: type, path: path))
    }

    /// A scalar constant.
    public func constant(_ value: Double) -> Tensor {
        append(
            Node(operation: nil, leaf: .constant(value), operands: [], type: TensorType(.scalar), path: path))
    }

    /// A trained tensor of a layer. The same owner and name give the same tensor again, so that a layer called
    /// twice shares its parameters.
    /// - Throws: `LockstepError` when the layer is called again with another shape, or two layers share a name.
    public func parameter(
        _ name: String, of owner: AnyObject, shape: Shape, storage: ParameterStorage = .asIs,
        initializer: any Initializer, isRegularized: Bool = true
    ) throws -> Tensor {
        let identity = "\(ObjectIdentifier(owner)).\(name)"
        if let known = parameterOfOwner[identity] {
            let parameter = parameters[known]
            guard parameter.shape == shape else {
                throw LockstepError(
                    .usage,
                    "layer '\(path)': \(name) was made as \(parameter.shape) and is now needed as \(shape)",
                    remedy: "call a shared layer with inputs of the same width, or use two layers")
            }
            return Tensor(graph: self, node: parameter.node)
        }
        let fullName = path.isEmpty ? name : path + "." + name
        try requireNewName(fullName)
        try requireExtents(shape, of: fullName)
        parameterOfOwner[identity] = parameters.count
        let leaf = Leaf.parameter(parameters.count)
        let tensor = append(
            Node(operation: nil, leaf: leaf, operands: [], type: TensorType(shape), path: path))
        parameters.append(
            Parameter(
                name: fullName, shape: shape, storage: storage, initializer: initializer,
                isRegularized: isRegularized, node: tensor.node))
        return tensor
    }

    /// State of a layer that follows a statistic of the micro-batch (see ``Buffer``); it reads as it was before the
    /// step.
    /// - Parameter statistic: of the buffer's shape; `nil` where the graph does not train.
    /// - Throws: `LockstepError` when two layers share a name, or a layer is called twice while training: the state
    ///   would have to follow two statistics.
    public func buffer(
        _ name: String, of owner: AnyObject, shape: Shape, initial: Float, momentum: Double,
        statistic: Tensor?
    ) throws -> Tensor {
        let identity = "\(ObjectIdentifier(owner)).\(name)"
        if let known = bufferOfOwner[identity], buffers[known].shape == shape, statistic == nil {
            return Tensor(graph: self, node: buffers[known].node)
        }
        guard bufferOfOwner[identity] == nil else {
            throw LockstepError(
                .usage, "layer '\(path)' is called twice, but its \(name) can follow one statistic",
                remedy: "use two layers")
        }
        guard statistic == nil || statistic?.shape == shape, (0...1).contains(momentum) else {
            throw LockstepError(
                .usage, "layer '\(path)': \(name) \(shape) with a momentum of \(momentum)",
                remedy: "use a momentum from 0 to 1, and a statistic of the same shape")
        }
        let fullName = path.isEmpty ? name : path + "." + name
        try requireNewName(fullName)
        try requireExtents(shape, of: fullName)
        bufferOfOwner[identity] = buffers.count
        let tensor = append(
            Node(
                operation: nil, leaf: .buffer(buffers.count), operands: [], type: TensorType(shape),
                path: path))
        buffers.append(
            Buffer(
                name: fullName, shape: shape, initial: initial, momentum: momentum,
                statistic: statistic?.node, node: tensor.node))
        return tensor
    }

    /// Adds an operation after checking that its operands fit.
    /// - Throws: `LockstepError` naming the layer, the shapes and the remedy.
    public func apply(_ operation: any Operation, to operands: [Tensor]) throws -> Tensor {
        for operand in operands where operand.graph !== self {
            throw LockstepError(
                .internalError, "'\(operation.name)' mixes tensors of two graphs",
                remedy: "trace a model once per graph")
        }
        let type: TensorType
        let companions: [TensorType]
        do {
            type = try operation.resultType(of: operands.map(\.type))
            companions = try operation.companionTypes(of: operands.map(\.type))
        } catch let error as ShapeError {
            throw refusal(error.message, remedy: error.remedy)
        }
        let sources = operands.map(\.node)
        let result = append(
            Node(operation: operation, leaf: nil, operands: sources, type: type, path: path))
        for (index, type) in companions.enumerated() {
            let companion = Companion(index: index, type: type, operation: operation, sources: sources)
            _ = append(
                Node(operation: companion, leaf: nil, operands: [result.node], type: type, path: path))
        }
        return result
    }

    /// The error for a wrong call outside of an operation's own checks; it names the layer being traced.
    public func refusal(_ message: String, remedy: String) -> LockstepError {
        LockstepError(.usage, (path.isEmpty ? "" : "layer '\(path)': ") + message, remedy: remedy)
    }

    /// Refuses a second parameter or buffer of a name.
    private func requireNewName(_ name: String) throws {
        guard !parameters.contains(where: { $0.name == name }), !buffers.contains(where: { $0.name == name })
        else {
            throw LockstepError(
                .usage, "two layers are both named '\(path)'",
                remedy: "give every layer a place of its own in the model")
        }
    }

    /// Refuses a parameter without elements, or with more than an arena can address.
    private func requireExtents(_ shape: Shape, of name: String) throws {
        var count = 1
        for extent in shape.dimensions {
            let (product, overflows) = count.multipliedReportingOverflow(by: extent)
            guard extent > 0, !overflows, product < 1 << 48 else {
                throw LockstepError(
                    .usage, "layer '\(path)': \(name) cannot have the shape \(shape)",
                    remedy: "give every layer a positive width that fits into memory")
            }
            count = product
        }
    }

    func append(_ node: Node) -> Tensor {
        nodes.append(node)
        return Tensor(graph: self, node: nodes.count - 1)
    }
}

/// How a parameter is laid out in checkpoints, which follow PyTorch.
public enum ParameterStorage: String, Sendable {
    /// The engine's own layout.
    case asIs
    /// A matrix that checkpoints hold transposed: ours is [inputs, outputs], PyTorch's Linear [outputs, inputs].
    case transposed
}
