#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif
import Graphs

/// Uniform in ±√(6 / (fan-in + fan-out)) (Glorot and Bengio 2010), for matrices held as [inputs, outputs] and
/// weights of convolutions.
public struct Glorot: Initializer {
    /// Creates the initializer.
    public init() {}

    /// Fills a matrix.
    public func fill(_ values: UnsafeMutableBufferPointer<Float>, shape: Shape, stream: RandomStream) {
        let (fanIn, fanOut) = fans(shape)
        let limit = Float((6 / Double(fanIn + fanOut)).squareRoot())
        for index in values.indices { values[index] = (2 * stream.uniform(index) - 1) * limit }
    }
}

/// Normal with deviation √(2 / fan-in) (He et al. 2015), for layers followed by ReLU.
public struct He: Initializer {
    /// Creates the initializer.
    public init() {}

    /// Fills a matrix.
    public func fill(_ values: UnsafeMutableBufferPointer<Float>, shape: Shape, stream: RandomStream) {
        let deviation = (2 / Double(fans(shape).fanIn)).squareRoot()
        Normal(deviation: deviation).fill(values, shape: shape, stream: stream)
    }
}

/// Normal with mean zero.
public struct Normal: Initializer {
    /// The standard deviation.
    public let deviation: Double

    /// Creates the initializer.
    public init(deviation: Double) { self.deviation = deviation }

    /// Fills any shape by the Box–Muller transform, two uniform words a value, in float64.
    public func fill(_ values: UnsafeMutableBufferPointer<Float>, shape: Shape, stream: RandomStream) {
        for index in values.indices {
            let words = stream.block(UInt64(index))
            let radius = (-2 * log((Double(words.0) + 1) * 0x1p-32)).squareRoot()
            values[index] = Float(deviation * radius * cos(2 * Double.pi * Double(words.1) * 0x1p-32))
        }
    }
}

/// Zeros, for biases.
public struct Zeros: Initializer {
    /// Creates the initializer.
    public init() {}

    /// Fills any shape.
    public func fill(_ values: UnsafeMutableBufferPointer<Float>, shape: Shape, stream: RandomStream) {
        values.update(repeating: 0)
    }
}

/// Ones, for the weights of norms.
public struct Ones: Initializer {
    /// Creates the initializer.
    public init() {}

    /// Fills any shape.
    public func fill(_ values: UnsafeMutableBufferPointer<Float>, shape: Shape, stream: RandomStream) {
        values.update(repeating: 1)
    }
}

/// Inputs and outputs of one unit, for vectors, [inputs, outputs] matrices, and the weights of convolutions
/// ([outputs, inputs, kernel …]), whose units see a whole window.
private func fans(_ shape: Shape) -> (fanIn: Int, fanOut: Int) {
    switch shape.rank {
    case 0: (1, 1)
    case 1: (shape[0], shape[0])
    case 2: (shape[0], shape[1])
    default:
        (shape.dimensions[1...].reduce(1, *), shape[0] * shape.dimensions[2...].reduce(1, *))
    }
}
