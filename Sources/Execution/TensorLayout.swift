import Graphs

/// How the elements of a tensor lie in memory.
enum TensorLayout: Hashable {
    /// Row-major.
    case plain
    /// An image [N, C, H, W] as [N, ⌈C/block⌉, H, W, block], oneDNN's `nChw16c`: the channels of a block side by side.
    /// Channels that only fill the last block up are zero.
    case blockedChannels(Int)

    /// Elements that a tensor takes, padding included.
    func elementCount(of shape: Shape) -> Int {
        guard case .blockedChannels(let block) = self, shape.rank >= 2 else { return shape.elementCount }
        let channels = (shape[1] + block - 1) / block * block
        return shape[0] * channels * shape.dimensions[2...].reduce(1, *)
    }
}
