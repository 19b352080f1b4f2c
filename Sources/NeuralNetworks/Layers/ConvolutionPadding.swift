import Diagnostics
import Graphs

/// How many zeros a convolution adds on each side of an image.
public enum ConvolutionPadding: Hashable, Sendable, ExpressibleByIntegerLiteral {
    /// None: the image shrinks.
    case valid
    /// As many as keep the extents at a stride of 1; takes an even span, so for instance an odd kernel.
    case same
    /// So many rows and columns.
    case pixels(Extents)

    /// As many rows as columns.
    public init(integerLiteral value: Int) { self = .pixels(Extents(value, value)) }

    /// The padding in pixels.
    func extents(kernel: Extents, dilation: Extents, of input: Tensor) throws -> Extents {
        switch self {
        case .valid: return 0
        case .pixels(let extents): return extents
        case .same:
            let (rows, columns) = (
                (kernel.height &- 1) &* dilation.height, (kernel.width &- 1) &* dilation.width
            )
            guard rows % 2 == 0, columns % 2 == 0 else {
                throw input.misfit(
                    "a kernel of \(kernel) with dilation \(dilation) cannot keep the image's extents",
                    remedy: "use an odd kernel, or state the padding in pixels")
            }
            return Extents(max(0, rows / 2), max(0, columns / 2))
        }
    }
}

extension Tensor {
    /// An error of the layer being traced about its input.
    func misfit(_ message: String, remedy: String) -> LockstepError {
        let place = graph.path.isEmpty ? "" : "layer '\(graph.path)': "
        return LockstepError(.usage, place + message, remedy: remedy)
    }

    /// The channels a group of an input [batch, channels, …] of a convolution.
    /// - Throws: `LockstepError` for another rank, or groups that do not divide inputs and outputs.
    func channelsPerGroup(rank: Int, groups: Int, outputs: Int) throws -> Int {
        guard shape.rank == rank, type.element == .float32 else {
            let wanted = rank == 4 ? "[batch, channels, height, width]" : "[batch, channels, length]"
            throw misfit(
                "the convolution takes float32 \(wanted), got \(type)",
                remedy: "reshape the input to \(wanted), or use a convolution of its rank")
        }
        guard groups > 0, outputs > 0, shape[1] > 0, shape[1] % groups == 0, outputs % groups == 0 else {
            throw misfit(
                "\(groups) groups do not divide \(shape[1]) input and \(outputs) output channels of \(shape)",
                remedy: "use groups that divide both, and at least one channel")
        }
        return shape[1] / groups
    }
}
