/// One kind of node in a graph. Every operation is a file in `Operations/` that states its shape rule, its
/// gradient rule and a plain reference in float64; `Execution/Lowerings` holds its fast twin.
public protocol Operation: Sendable {
    /// The name in plans and errors, for instance `matmul`.
    var name: String { get }

    /// The type of the result for operands of these types.
    /// - Throws: `ShapeError` when the operands do not fit.
    func resultType(of operands: [TensorType]) throws -> TensorType

    /// The types of further results that backward needs and forward has at hand, for instance a norm's mean: see
    /// ``Tensor/companion(_:)``. None by default.
    func companionTypes(of operands: [TensorType]) throws -> [TensorType]

    /// The gradients of a scalar by each operand, given the scalar's gradient by the result (`upstream`).
    /// `nil` means that none flows to that operand (integer ids, for instance).
    func gradients(operands: [Tensor], result: Tensor, upstream: Tensor) throws -> [Tensor?]

    /// The result in float64 by the plainest loop: the truth that kernels and gradients are tested against.
    func reference(_ operands: [ReferenceArray], in context: ReferenceContext) -> ReferenceArray

    /// The further results in float64, in the order of ``companionTypes(of:)``.
    func companionReferences(_ operands: [ReferenceArray], in context: ReferenceContext) -> [ReferenceArray]
}

extension Operation {
    /// Most gradient operations are never differentiated again.
    public func gradients(operands: [Tensor], result: Tensor, upstream: Tensor) throws -> [Tensor?] {
        throw ShapeError("'\(name)' has no gradient", remedy: "do not differentiate through it")
    }

    /// Most operations have one result.
    public func companionTypes(of operands: [TensorType]) throws -> [TensorType] { [] }

    /// Most operations have one result.
    public func companionReferences(_ operands: [ReferenceArray], in context: ReferenceContext)
        -> [ReferenceArray]
    { [] }

    /// Name and settings: two nodes with the same key and operands compute the same thing.
    public var key: String { "\(self)" }
}

/// Operands that do not fit an operation; the graph adds the path of the layer and throws it on.
public struct ShapeError: Error {
    /// What does not fit, with the shapes.
    public let message: String
    /// What to change.
    public let remedy: String

    /// Creates an error.
    public init(_ message: String, remedy: String) {
        self.message = message
        self.remedy = remedy
    }
}

/// Refuses operands that hold ids where an operation computes with numbers.
func requireNumbers(_ operands: [TensorType], name: String) throws {
    guard operands.allSatisfy({ $0.element == .float32 }) else {
        let types = operands.map(\.description).joined(separator: " and ")
        throw ShapeError("\(name) takes float32 numbers, got \(types)", remedy: "embed token ids first")
    }
}

/// A leaf of the graph that is not computed.
public enum Leaf: Sendable, Equatable {
    /// A field of the micro-batch, by name.
    case input(String)
    /// A trained tensor, by its index in ``Graph/parameters``.
    case parameter(Int)
    /// State that moves with the step but is not trained by gradient, by its index in ``Graph/buffers``.
    case buffer(Int)
    /// A scalar known while tracing.
    case constant(Double)
}
