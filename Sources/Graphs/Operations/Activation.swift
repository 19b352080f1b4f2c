#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// A function applied to each element.
public enum Activation: String, Sendable, CaseIterable, Codable {
    /// max(x, 0).
    case relu
    /// 1 / (1 + e⁻ˣ).
    case sigmoid
    /// The hyperbolic tangent.
    case tanh
    /// x·Φ(x) with the exact normal distribution function (Hendrycks and Gimpel 2016), as PyTorch's default.
    case gelu
    /// GELU by its tanh approximation, x/2·(1 + tanh(√(2/π)·(x + 0.044715·x³))): GPT-2's, PyTorch's
    /// `approximate="tanh"`.
    case geluTanh
    /// x / (1 + e⁻ˣ), also called swish.
    case silu
    /// log(1 + eˣ).
    case softplus
    /// x where positive, else 0.01·x.
    case leakyReLU
    /// x where positive, else eˣ − 1.
    case elu

    /// Whether the derivative can be computed from the result alone, so that the input need not be kept.
    public var derivativeUsesResult: Bool {
        switch self {
        case .relu, .sigmoid, .tanh, .leakyReLU, .elu: true
        case .gelu, .geluTanh, .silu, .softplus: false
        }
    }

    /// The value.
    func value(_ x: Double) -> Double {
        switch self {
        case .relu: max(x, 0)
        case .sigmoid: 1 / (1 + exp(-x))
        case .tanh: tanhValue(x)
        case .gelu: 0.5 * x * (1 + erf(x / 2.0.squareRoot()))
        case .geluTanh: 0.5 * x * (1 + tanhValue(geluRoot * (x + 0.044715 * x * x * x)))
        case .silu: x / (1 + exp(-x))
        case .softplus: max(x, 0) + log1p(exp(-abs(x)))
        case .leakyReLU: x > 0 ? x : 0.01 * x
        case .elu: x > 0 ? x : expm1(x)
        }
    }

    /// The derivative, from the result where ``derivativeUsesResult``, else from the input.
    func derivative(_ saved: Double) -> Double {
        switch self {
        case .relu: saved > 0 ? 1 : 0
        case .sigmoid: saved * (1 - saved)
        case .tanh: 1 - saved * saved
        case .gelu:
            0.5 * (1 + erf(saved / 2.0.squareRoot())) + saved * exp(-saved * saved / 2)
                / (2 * Double.pi).squareRoot()
        case .geluTanh: geluTanhDerivative(saved)
        case .silu: siluDerivative(saved)
        case .softplus: 1 / (1 + exp(-saved))
        case .leakyReLU: saved > 0 ? 1 : 0.01
        case .elu: saved > 0 ? 1 : saved + 1
        }
    }

    private func geluTanhDerivative(_ x: Double) -> Double {
        let t = tanhValue(geluRoot * (x + 0.044715 * x * x * x))
        return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * geluRoot * (1 + 3 * 0.044715 * x * x)
    }

    private func siluDerivative(_ x: Double) -> Double {
        let s = 1 / (1 + exp(-x))
        return s + x * s * (1 - s)
    }
}

/// √(2/π).
private let geluRoot = (2 / Double.pi).squareRoot()

private func tanhValue(_ x: Double) -> Double { tanh(x) }

/// Applies an activation to every element.
public struct Activate: Operation {
    /// The function.
    public let activation: Activation
    /// The function's name, for instance `relu`.
    public var name: String { activation.rawValue }

    /// Creates the operation.
    public init(_ activation: Activation) { self.activation = activation }

    /// The operand's type.
    public func resultType(of operands: [TensorType]) throws -> TensorType {
        guard operands[0].element == .float32 else {
            throw ShapeError("\(name) takes numbers, got \(operands[0])", remedy: "embed token ids first")
        }
        return operands[0]
    }

    /// The gradient times the derivative, from the result or the input as the function asks.
    public func gradients(operands: [Tensor], result: Tensor, upstream: Tensor) throws -> [Tensor?] {
        let saved = activation.derivativeUsesResult ? result : operands[0]
        return [try upstream.graph.apply(ActivationGradient(activation), to: [upstream, saved])]
    }

    /// Element by element.
    public func reference(_ operands: [ReferenceArray], in context: ReferenceContext) -> ReferenceArray {
        operands[0].map(activation.value)
    }
}

/// The gradient of an activation: (upstream, saved result or input) → gradient by the input.
public struct ActivationGradient: Operation {
    /// The function.
    public let activation: Activation
    /// For instance `relu-gradient`.
    public var name: String { activation.rawValue + "-gradient" }

    /// Creates the operation.
    public init(_ activation: Activation) { self.activation = activation }

    /// The common type of both operands.
    public func resultType(of operands: [TensorType]) throws -> TensorType {
        try elementwiseType(of: operands, name: name)
    }

    /// Element by element.
    public func reference(_ operands: [ReferenceArray], in context: ReferenceContext) -> ReferenceArray {
        operands[0].zip(operands[1]) { $0 * activation.derivative($1) }
    }
}

extension Tensor {
    /// The tensor with an activation applied to every element.
    public func activated(_ activation: Activation) throws -> Tensor {
        try graph.apply(Activate(activation), to: [self])
    }
}
