import Diagnostics
import Graphs

/// Drops elements at random while training, and does nothing otherwise.
public struct Dropout: Layer {
    /// The probability that an element becomes zero, in [0, 1).
    public let rate: Double

    /// Creates a layer.
    public init(_ rate: Double) { self.rate = rate }

    /// Traces the dropout; the operation is left out where it would do nothing.
    public func callAsFunction(_ input: Tensor) throws -> Tensor {
        guard (0..<1).contains(rate) else {
            throw LockstepError(
                .usage, "a dropout rate of \(rate)", remedy: "use a rate from 0 up to, not including, 1")
        }
        var result = input.graph.isTraining && rate > 0 ? try input.droppingOut(rate: rate) : input
        result.mask = input.mask
        return result
    }
}
