#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// A function of one number.
public enum UnaryFunction: String, Sendable, CaseIterable {
    /// eˣ.
    case exp
    /// The natural logarithm.
    case log
    /// x².
    case square
    /// √x.
    case squareRoot
    /// |x|.
    case absolute
    /// 1/x.
    case reciprocal

    func value(_ x: Double) -> Double {
        switch self {
        case .exp: expValue(x)
        case .log: logValue(x)
        case .square: x * x
        case .squareRoot: x.squareRoot()
        case .absolute: abs(x)
        case .reciprocal: 1 / x
        }
    }
}

private func expValue(_ x: Double) -> Double { exp(x) }
private func logValue(_ x: Double) -> Double { log(x) }

/// Applies a function to every element.
public struct UnaryOperation: Operation {
    /// The function.
    public let function: UnaryFunction
    /// The function's name, for instance `exp`.
    public var name: String { function.rawValue }

    /// Creates the operation.
    public init(_ function: UnaryFunction) { self.function = function }

    /// The operand's type.
    public func resultType(of operands: [TensorType]) throws -> TensorType {
        try requireNumbers(operands, name: name)
        return operands[0]
    }

    /// The gradient times the derivative; |x| has derivative 0 at 0.
    public func gradients(operands: [Tensor], result: Tensor, upstream: Tensor) throws -> [Tensor?] {
        let x = operands[0]
        switch function {
        case .exp: return [try upstream * result]
        case .log: return [try upstream / x]
        case .square: return [try (upstream * x).scaled(by: 2)]
        case .squareRoot: return [try (upstream / result).scaled(by: 0.5)]
        case .reciprocal: return [try -(upstream * result.squared())]
        case .absolute:
            let zero = x.graph.constant(0)
            return [try upstream * (x.greater(than: zero) - x.less(than: zero))]
        }
    }

    /// Element by element.
    public func reference(_ operands: [ReferenceArray], in context: ReferenceContext) -> ReferenceArray {
        operands[0].map(function.value)
    }
}

extension Tensor {
    private func applying(_ function: UnaryFunction) throws -> Tensor {
        try graph.apply(UnaryOperation(function), to: [self])
    }

    /// e to the power of each element.
    public func exponential() throws -> Tensor { try applying(.exp) }
    /// The natural logarithm of each element; −∞ for zero, NaN below.
    public func logarithm() throws -> Tensor { try applying(.log) }
    /// The square of each element.
    public func squared() throws -> Tensor { try applying(.square) }
    /// The square root of each element; NaN below zero.
    public func squareRoot() throws -> Tensor { try applying(.squareRoot) }
    /// Each element without its sign.
    public func absolute() throws -> Tensor { try applying(.absolute) }
    /// One over each element.
    public func reciprocal() throws -> Tensor { try applying(.reciprocal) }
    /// Each element with the other sign.
    public static prefix func - (operand: Tensor) throws -> Tensor { try operand.scaled(by: -1) }
}
