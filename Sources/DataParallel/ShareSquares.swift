import Execution

/// The sums of squares of all chunks of the gradient, node by node: each node computes those of its share, and every node
/// needs all, since the norm is summed over chunks in one fixed tree.
final class ShareSquares: @unchecked Sendable {
    /// Of each node the squares of its share, side by side.
    let packed: [UnsafeMutableBufferPointer<Double>]
    private let chunks: [[Int]]

    init(_ shares: [NodeShare]) {
        chunks = shares.map { share in
            share.parts.flatMap {
                ($0.lowerBound / ParameterLayout.chunk)..<($0.upperBound / ParameterLayout.chunk)
            }
        }
        packed = chunks.map {
            let buffer = UnsafeMutableBufferPointer<Double>.allocate(capacity: $0.count)
            buffer.initialize(repeating: 0)
            return buffer
        }
    }

    deinit { for buffer in packed { buffer.deallocate() } }

    /// Collects a node's squares.
    /// - Parameter squares: of every chunk of the arena.
    func pack(_ squares: UnsafePointer<Double>, node: Int) {
        for (place, chunk) in chunks[node].enumerated() { packed[node][place] = squares[chunk] }
    }

    /// Puts a node's squares in their places.
    func unpack(node: Int, into squares: UnsafeMutablePointer<Double>) {
        for (place, chunk) in chunks[node].enumerated() { squares[chunk] = packed[node][place] }
    }
}
