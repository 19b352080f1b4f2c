#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// A function of two numbers.
public enum BinaryFunction: String, Sendable, CaseIterable {
    /// x + y.
    case add
    /// x − y.
    case subtract
    /// x·y.
    case multiply
    /// x/y.
    case divide
    /// The greater; NaN where one is NaN.
    case maximum
    /// The lesser; NaN where one is NaN.
    case minimum
    /// x to the power of y.
    case power
    /// 1 where x < y, else 0.
    case less
    /// 1 where x > y, else 0.
    case greater
    /// 1 where x = y, else 0.
    case equal

    func value(_ x: Double, _ y: Double) -> Double {
        switch self {
        case .add: x + y
        case .subtract: x - y
        case .multiply: x * y
        case .divide: x / y
        case .maximum: x.isNaN || x > y ? x : y
        case .minimum: x.isNaN || x < y ? x : y
        case .power: pow(x, y)
        case .less: x < y ? 1 : 0
        case .greater: x > y ? 1 : 0
        case .equal: x == y ? 1 : 0
        }
    }
}

/// Combines two tensors element by element, with NumPy's broadcasting: shapes are aligned at their last axes, and an
/// axis of extent 1 (or none) is repeated. A tensor without the sample axis meets every sample alike.
public struct BinaryOperation: Operation {
    /// The function.
    public let function: BinaryFunction
    /// For instance `broadcast-subtract`.
    public var name: String { "broadcast-" + function.rawValue }

    /// Creates the operation.
    public init(_ function: BinaryFunction) { self.function = function }

    /// The common shape.
    public func resultType(of operands: [TensorType]) throws -> TensorType {
        try requireNumbers(operands, name: function.rawValue)
        let (left, right) = (operands[0].shape, operands[1].shape)
        guard let shape = left.broadcast(with: right) else {
            throw ShapeError(
                "\(function.rawValue) cannot broadcast \(left) with \(right)",
                remedy: "make the extents equal from the last axis on, or 1")
        }
        try requireFewAxes(shape, name: function.rawValue)
        return TensorType(shape)
    }

    /// Each operand's derivative times the gradient, summed over the axes along which the operand was repeated. Where
    /// two are equal, maximum and minimum give half to each.
    public func gradients(operands: [Tensor], result: Tensor, upstream: Tensor) throws -> [Tensor?] {
        let (x, y) = (operands[0], operands[1])
        let pair: (Tensor, Tensor)
        switch function {
        case .add: pair = (upstream, upstream)
        case .subtract: pair = (upstream, try -upstream)
        case .multiply: pair = (try upstream * y, try upstream * x)
        case .divide: pair = (try upstream / y, try -(upstream * result / y))
        case .maximum: pair = try shares(upstream, x.greater(than: y), x.less(than: y), x.equal(to: y))
        case .minimum: pair = try shares(upstream, x.less(than: y), x.greater(than: y), x.equal(to: y))
        case .power: pair = try powerGradients(x, y, result, upstream)
        case .less, .greater, .equal: return [nil, nil]
        }
        return [try pair.0.summed(to: x.shape), try pair.1.summed(to: y.shape)]
    }

    private func shares(_ upstream: Tensor, _ left: Tensor, _ right: Tensor, _ both: Tensor) throws
        -> (Tensor, Tensor)
    {
        let half = try both.scaled(by: 0.5)
        return (try upstream * (left + half), try upstream * (right + half))
    }

    /// d(xʸ)/dx = y·xʸ⁻¹, zero for y = 0; d(xʸ)/dy = xʸ·log x, zero for x = 0.
    private func powerGradients(_ x: Tensor, _ y: Tensor, _ result: Tensor, _ upstream: Tensor) throws
        -> (Tensor, Tensor)
    {
        let (zero, one) = (x.graph.constant(0), x.graph.constant(1))
        let slope = try y * x.raised(to: y - one)
        let left = try y.equal(to: zero).select(zero, slope)
        let right = try x.equal(to: zero).select(zero, result * x.logarithm())
        return (try upstream * left, try upstream * right)
    }

    /// Element by element.
    public func reference(_ operands: [ReferenceArray], in context: ReferenceContext) -> ReferenceArray {
        let shape = operands[0].shape.broadcast(with: operands[1].shape) ?? operands[0].shape
        let (x, y) = (operands[0].broadcast(to: shape), operands[1].broadcast(to: shape))
        return x.zip(y, function.value)
    }
}

extension Shape {
    /// The shape of two tensors combined element by element by NumPy's rule; `nil` where they do not fit.
    public func broadcast(with other: Shape) -> Shape? {
        let rank = max(self.rank, other.rank)
        var extents: [Int] = []
        for axis in 0..<rank {
            let (a, b) = (aligned(axis, rank), other.aligned(axis, rank))
            guard a == b || a == 1 || b == 1 else { return nil }
            extents.append(a == 1 ? b : a)
        }
        return Shape(extents)
    }

    /// The extent along an axis of a shape of more axes; 1 where this one has none.
    func aligned(_ axis: Int, _ rank: Int) -> Int {
        let own = axis - (rank - self.rank)
        return own < 0 ? 1 : dimensions[own]
    }
}

extension Tensor {
    /// Equal shapes of sums and products take the plain operation.
    private func combined(_ function: BinaryFunction, _ other: Tensor) throws -> Tensor {
        try graph.apply(BinaryOperation(function), to: [self, other])
    }

    static func added(_ left: Tensor, _ right: Tensor) throws -> Tensor {
        left.type == right.type
            ? try left.graph.apply(Add(), to: [left, right]) : try left.combined(.add, right)
    }

    static func multiplied(_ left: Tensor, _ right: Tensor) throws -> Tensor {
        left.type == right.type
            ? try left.graph.apply(Multiply(), to: [left, right]) : try left.combined(.multiply, right)
    }

    /// The difference, element by element, with NumPy's broadcasting.
    public static func - (left: Tensor, right: Tensor) throws -> Tensor {
        try left.combined(.subtract, right)
    }
    /// The quotient, element by element, with NumPy's broadcasting.
    public static func / (left: Tensor, right: Tensor) throws -> Tensor { try left.combined(.divide, right) }
    /// The greater of each pair, with NumPy's broadcasting.
    public func maximum(_ other: Tensor) throws -> Tensor { try combined(.maximum, other) }
    /// The lesser of each pair, with NumPy's broadcasting.
    public func minimum(_ other: Tensor) throws -> Tensor { try combined(.minimum, other) }
    /// Each element to the power of its partner, with NumPy's broadcasting.
    public func raised(to exponent: Tensor) throws -> Tensor { try combined(.power, exponent) }
    /// Each element to one power.
    public func raised(to exponent: Double) throws -> Tensor { try raised(to: graph.constant(exponent)) }
    /// 1 where this is less than the other, else 0, with NumPy's broadcasting; no gradient.
    public func less(than other: Tensor) throws -> Tensor { try combined(.less, other) }
    /// 1 where this is greater than the other, else 0, with NumPy's broadcasting; no gradient.
    public func greater(than other: Tensor) throws -> Tensor { try combined(.greater, other) }
    /// 1 where both are equal, else 0, with NumPy's broadcasting; no gradient.
    public func equal(to other: Tensor) throws -> Tensor { try combined(.equal, other) }
}
