import Collectives
import Diagnostics
import Execution

/// The comparison of the nodes' parameters: each node has its own, and a flipped bit in one would otherwise go unseen.
///
/// Every chunk of 1,024 parameters has a digest, which its lane computes; a node's digest is over those. Nodes exchange
/// their digest alone, and the digests of all chunks only where they differ, to name the tensor.
struct ParameterDigest: Sendable {
    private let memory: NodeMemory
    private let map: LaneMap
    private let layout: ParameterLayout
    private let communicator: any Communicator

    /// Prepares the comparison; `nil` on a single node, whose parameters exist once.
    init?(memory: NodeMemory, map: LaneMap, layout: ParameterLayout, communicator: any Communicator) {
        guard map.nodeCount > 1 else { return nil }
        self.memory = memory
        self.map = map
        self.layout = layout
        self.communicator = communicator
    }

    /// Computes the digests of a lane's share, and lets the node's first lane compare. Collective: every lane.
    /// - Parameters:
    ///   - lane: the lane's number within its node.
    ///   - step: the steps done, to name.
    /// - Throws: `LockstepError` (17) on the first lane of every node where they differ.
    func verify(lane: Int, step: Int, barrier: NodeBarrier) throws {
        let (chunks, lanes) = (memory.chunkCount, memory.laneCount)
        for chunk in (lane * chunks / lanes)..<((lane + 1) * chunks / lanes) {
            memory.digests[chunk] = Self.digest(memory.parameters + chunk * ParameterLayout.chunk)
        }
        try barrier.wait("digest of the parameters", byteCount: memory.elementCount * 4)
        if lane == 0 { try compare(step: step) }
        try barrier.wait("comparison of the nodes' digests", byteCount: 8)
    }

    /// Four chains over the bits; each step is one to one, so a single changed word always changes the result.
    private static func digest(_ values: UnsafePointer<Float>) -> UInt64 {
        let words = UnsafeRawPointer(values)
        var chains = SIMD4<UInt64>(0x9E37_79B9_7F4A_7C15, 0xBF58_476D_1CE4_E5B9, 0x94D0_49BB_1331_11EB, 1)
        for offset in stride(from: 0, to: ParameterLayout.chunk * 4, by: 32) {
            chains ^= words.loadUnaligned(fromByteOffset: offset, as: SIMD4<UInt64>.self)
            chains = chains &* SIMD4(repeating: 0xD6E8_FEB8_6659_FD93)
        }
        return (0..<4).reduce(UInt64(0)) { fold($0, chains[$1]) }
    }

    private static func fold(_ digest: UInt64, _ next: UInt64) -> UInt64 {
        let mixed = (digest ^ next) &* 0xD6E8_FEB8_6659_FD93
        return mixed ^ (mixed >> 32)
    }

    private func compare(step: Int) throws {
        let own = (0..<memory.chunkCount).reduce(UInt64(0)) { Self.fold($0, memory.digests[$1]) }
        let nodes = try exchange([own]).map { $0[0] }
        guard nodes.contains(where: { $0 != own }) else { return }
        let chunks = try exchange((0..<memory.chunkCount).map { memory.digests[$0] })
        let differing = (0..<memory.chunkCount).filter { chunk in
            chunks.contains { $0[chunk] != chunks[0][chunk] }
        }
        let start = (differing.first ?? 0) * ParameterLayout.chunk
        let values = try exchange(
            (0..<ParameterLayout.chunk).map { UInt64((memory.parameters + start)[$0].bitPattern) })
        let place = (0..<ParameterLayout.chunk).first { element in
            values.contains { $0[element] != values[0][element] }
        }
        throw failure(nodes, element: start + (place ?? 0), chunkCount: differing.count, step: step)
    }

    /// The same number of words of every node. Collective: the first lane of every node.
    private func exchange(_ own: [UInt64]) throws -> [[UInt64]] {
        let count = own.count
        let all = UnsafeMutablePointer<UInt64>.allocate(capacity: count * map.nodeCount)
        defer { all.deallocate() }
        all.initialize(repeating: 0, count: count * map.nodeCount)
        let parts = (0..<map.nodeCount).map {
            UnsafeMutableRawBufferPointer(UnsafeMutableBufferPointer(start: all + $0 * count, count: count))
        }
        try own.withUnsafeBytes {
            try communicator.exchangeBetweenNodes($0, into: parts, leaders: map.replicasOfNode.map { $0[0] })
        }
        return (0..<map.nodeCount).map { Array(UnsafeBufferPointer(start: all + $0 * count, count: count)) }
    }

    /// The same on every node; the first one tells it.
    /// - Parameters:
    ///   - element: the first that differs.
    ///   - chunkCount: how many chunks differ.
    private func failure(_ nodes: [UInt64], element: Int, chunkCount: Int, step: Int) -> LockstepError {
        let segment = layout.allSegments.last { $0.offset <= element }
        let name = segment.map { "tensor '\($0.name)'" } ?? "the parameters"
        let spread = chunkCount > 1 ? ", the first of \(chunkCount) places" : ""
        let odd = Self.oddNodes(nodes)
        let who = (odd ?? Array(nodes.indices)).map { node in
            "node \(node) (rank\(map.replicasOfNode[node].count > 1 ? "s" : "") "
                + map.replicasOfNode[node].map(String.init).joined(separator: ", ") + ")"
        }
        let error = LockstepError(
            .numericFailure,
            "the parameters of "
                + (odd == nil
                    ? who.joined(separator: " and ") + " differ"
                    : who.joined(separator: ", ") + " differ from those of the other nodes")
                + " in \(name)\(spread)",
            remedy:
                "look for faulty memory on \(odd == nil ? "these nodes" : "that node") (its system log), and go on from "
                + "the last checkpoint with --resume: it was compared before it was saved",
            step: step)
        return map.nodeIndex == 0 ? error : error.asEcho
    }

    /// The nodes that are not of the majority; nil where there is none.
    static func oddNodes(_ digests: [UInt64]) -> [Int]? {
        let votes = Dictionary(grouping: digests.indices, by: { digests[$0] })
        guard let most = votes.values.max(by: { $0.count < $1.count }), most.count * 2 > digests.count else {
            return nil
        }
        return digests.indices.filter { !most.contains($0) }
    }
}
