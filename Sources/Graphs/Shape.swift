/// The extents of a tensor, outermost first; row-major. A scalar has no dimensions.
public struct Shape: Hashable, Sendable, ExpressibleByArrayLiteral, CustomStringConvertible {
    /// The extents, outermost first.
    public let dimensions: [Int]

    /// Creates a shape from its extents.
    public init(_ dimensions: [Int]) { self.dimensions = dimensions }

    /// Creates a shape from a literal such as `[32, 30]`.
    public init(arrayLiteral elements: Int...) { dimensions = elements }

    /// The shape of a single number.
    public static let scalar = Shape([])

    /// How many dimensions there are.
    public var rank: Int { dimensions.count }

    /// How many elements a tensor of this shape holds; 1 for a scalar.
    public var elementCount: Int { dimensions.reduce(1, *) }

    /// The extent of one dimension; negative axes count from the end.
    public subscript(axis: Int) -> Int { dimensions[axis < 0 ? axis + rank : axis] }

    /// The shape without one dimension.
    public func removing(axis: Int) -> Shape {
        var rest = dimensions
        rest.remove(at: axis)
        return Shape(rest)
    }

    /// The elements before, along and after an axis: a tensor seen as [outer, extent, inner].
    public func split(at axis: Int) -> (outer: Int, extent: Int, inner: Int) {
        let outer = dimensions[..<axis].reduce(1, *)
        let inner = dimensions[(axis + 1)...].reduce(1, *)
        return (outer, dimensions[axis], inner)
    }

    /// For instance `[32, 30]`.
    public var description: String { "[" + dimensions.map(String.init).joined(separator: ", ") + "]" }
}

/// What one element of a tensor is.
public enum ElementType: String, Hashable, Sendable {
    /// IEEE 754 single precision.
    case float32
    /// The upper half of a float32. Only the planner chooses it: a model is traced in float32.
    case bfloat16
    /// A signed integer: a label, a token id.
    case int32
    /// A small whole number that forward keeps for backward: which pixel of a window was greatest.
    case uint8

    /// Bytes an element.
    public var byteCount: Int {
        switch self {
        case .float32, .int32: 4
        case .bfloat16: 2
        case .uint8: 1
        }
    }
}

/// The static type of a tensor: shape and element.
public struct TensorType: Hashable, Sendable, CustomStringConvertible {
    /// The extents.
    public let shape: Shape
    /// What one element is.
    public let element: ElementType

    /// Creates a type; float32 unless told otherwise.
    public init(_ shape: Shape, _ element: ElementType = .float32) {
        self.shape = shape
        self.element = element
    }

    /// Bytes that a dense tensor of this type takes.
    public var byteCount: Int { shape.elementCount * element.byteCount }

    /// For instance `float32 [32, 30]`.
    public var description: String { "\(element.rawValue) \(shape)" }
}
