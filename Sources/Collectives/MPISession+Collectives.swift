import CMPI
import Diagnostics

/// The tags of our point-to-point messages; messages of one pair and tag never overtake one another.
private let gatherTag: Int32 = 1
private let exchangeTag: Int32 = 2

/// How long the communication thread sleeps at most between two looks at a message between nodes. Measured with gpt on
/// one core a rank at 1 Gbit/s: 852 ms of processor time a step, 932 to 1,061 where MPI polls, 816 without messages.
private let longestNapNanoseconds: Int64 = 500_000

/// Blocks of all nodes together up to this size are exchanged in few rounds.
private let largestDoubledByteCount = 256 << 10

extension MPISession {
    /// The pieces of `byteCount` bytes that one MPI call each can carry.
    private func chunks(of byteCount: Int) -> [Range<Int>] {
        stride(from: 0, to: byteCount, by: chunkByteCount).map {
            $0..<min($0 + chunkByteCount, byteCount)
        }
    }

    func broadcast(_ buffer: UnsafeMutableRawBufferPointer, from root: Int) throws {
        guard let base = buffer.baseAddress else { return }
        for chunk in chunks(of: buffer.count) {
            try check(
                cmpi_broadcast(base + chunk.lowerBound, Int32(chunk.count), Int32(root), world), "MPI_Bcast")
        }
    }

    func broadcast(_ bytes: [UInt8], from root: Int) throws -> [UInt8] {
        var byteCount = Int64(bytes.count)
        let headerByteCount = Int32(MemoryLayout<Int64>.size)
        try check(cmpi_broadcast(&byteCount, headerByteCount, Int32(root), world), "MPI_Bcast of the length")
        var result = topology.rank == root ? bytes : [UInt8](repeating: 0, count: Int(byteCount))
        try result.withUnsafeMutableBytes { try broadcast($0, from: root) }
        return result
    }

    func allreduce(_ value: Int64, _ operation: IntegerReduction) throws -> Int64 {
        let mpiOperation =
            switch operation {
            case .sum: CMPI_SUM
            case .min: CMPI_MINIMUM
            case .max: CMPI_MAXIMUM
            }
        var result: Int64 = 0
        try check(cmpi_allreduce_int64(value, &result, mpiOperation, world), "MPI_Allreduce")
        return result
    }

    /// Lengths first, then every rank's bytes in messages to the root, which takes them rank by rank.
    func gather(_ bytes: [UInt8], to root: Int) throws -> [[UInt8]]? {
        var lengths = [Int64](repeating: 0, count: topology.worldSize)
        try check(cmpi_gather_int64(Int64(bytes.count), &lengths, Int32(root), world), "MPI_Gather")
        guard topology.rank == root else {
            try send(bytes, to: root)
            return nil
        }
        return try lengths.indices.map { rank in
            rank == root ? bytes : try receive(Int(lengths[rank]), from: rank)
        }
    }

    private func send(_ bytes: [UInt8], to root: Int) throws {
        try bytes.withUnsafeBytes { buffer in
            guard let base = buffer.baseAddress else { return }
            for chunk in chunks(of: buffer.count) {
                let start = base + chunk.lowerBound
                try check(cmpi_send(start, Int32(chunk.count), Int32(root), gatherTag, world), "MPI_Send")
            }
        }
    }

    private func receive(_ byteCount: Int, from rank: Int) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: byteCount)
        try bytes.withUnsafeMutableBytes { buffer in
            guard let base = buffer.baseAddress else { return }
            for chunk in chunks(of: buffer.count) {
                var received: Int32 = 0
                let status = cmpi_receive(
                    base + chunk.lowerBound, Int32(chunk.count), Int32(rank), gatherTag, world, &received)
                try check(status, "MPI_Recv from rank \(rank)")
                try checkReceived(received, of: chunk.count, from: rank)
            }
        }
        return bytes
    }

    private func checkReceived(_ received: Int32, of byteCount: Int, from rank: Int) throws {
        guard Int(received) == byteCount else {
            throw LockstepError(
                .internalError, "rank \(rank) sent \(received) bytes where \(byteCount) were expected")
        }
    }

    /// One MPI_Allgatherv where all bytes fit a message, else one broadcast a rank.
    func allgather(_ bytes: [UInt8]) throws -> [[UInt8]] {
        let lengths = try Self.allgather(Int64(bytes.count), world).map { Int($0) }
        let total = lengths.reduce(0, +)
        guard total <= chunkByteCount else {
            return try lengths.indices.map { rank in
                var part = rank == topology.rank ? bytes : [UInt8](repeating: 0, count: lengths[rank])
                try part.withUnsafeMutableBytes { try broadcast($0, from: rank) }
                return part
            }
        }
        var ends: [Int] = []
        for length in lengths { ends.append((ends.last ?? 0) + length) }
        let offsets = zip(ends, lengths).map { $0 - $1 }
        var gathered = [UInt8](repeating: 0, count: total)
        let status = cmpi_allgather_bytes(
            bytes, Int32(bytes.count), &gathered, lengths.map { Int32($0) }, offsets.map { Int32($0) }, world)
        try check(status, "MPI_Allgatherv")
        return zip(offsets, ends).map { Array(gathered[$0..<$1]) }
    }

    /// Small blocks by doubling, large ones by a ring: rounds cost a latency each, and a ring moves blocks without copies.
    func exchangeBetweenNodes(
        _ send: UnsafeRawBufferPointer, into receive: [UnsafeMutableRawBufferPointer], leaders: [Int]
    ) throws {
        copyOwnBlock(send, into: receive[topology.nodeIndex])
        let total = receive.reduce(0) { $0 + $1.count }
        if topology.nodeCount > 3, total <= largestDoubledByteCount {
            try double(receive, total: total, leaders: leaders)
        } else {
            try passRound(receive, leaders: leaders)
        }
    }

    /// In round r every node sends its block to the r-th after it and receives from the r-th before it.
    private func passRound(_ blocks: [UnsafeMutableRawBufferPointer], leaders: [Int]) throws {
        let (nodeCount, own) = (topology.nodeCount, topology.nodeIndex)
        for round in 1..<max(nodeCount, 1) {
            let source = (own - round + nodeCount) % nodeCount
            try exchange(
                UnsafeRawBufferPointer(blocks[own]), to: leaders[(own + round) % nodeCount], blocks[source],
                from: leaders[source])
        }
    }

    /// Bruck et al. 1997, for any number of nodes: after ⌈log₂ n⌉ rounds, in each of which a node sends all that it has to
    /// the one as many places before it, everybody has all.
    private func double(
        _ blocks: [UnsafeMutableRawBufferPointer], total: Int, leaders: [Int]
    ) throws {
        let (nodeCount, own) = (topology.nodeCount, topology.nodeIndex)
        let rotated = (0..<nodeCount).map { blocks[(own + $0) % nodeCount] }
        var ends = [0]
        for block in rotated { ends.append(ends[ends.count - 1] + block.count) }
        try withUnsafeTemporaryAllocation(byteCount: max(1, total), alignment: 64) { all in
            all.copyMemory(from: UnsafeRawBufferPointer(rotated[0]))
            var known = 1
            while known < nodeCount {
                let sent = min(known, nodeCount - known)
                try exchange(
                    UnsafeRawBufferPointer(rebasing: all[..<ends[sent]]),
                    to: leaders[(own - known + nodeCount) % nodeCount],
                    UnsafeMutableRawBufferPointer(rebasing: all[ends[known]..<ends[known + sent]]),
                    from: leaders[(own + known) % nodeCount])
                known += sent
            }
            for (index, block) in rotated.enumerated().dropFirst() {
                block.copyMemory(from: UnsafeRawBufferPointer(rebasing: all[ends[index]..<ends[index + 1]]))
            }
        }
    }

    /// A message out and one in. The two blocks may be cut into unequal numbers of chunks: whoever has none left
    /// leaves its half of the call out. An empty block is one empty message, so that wrong lengths are
    /// noticed.
    func exchange(
        _ outgoing: UnsafeRawBufferPointer, to destination: Int,
        _ incoming: UnsafeMutableRawBufferPointer, from source: Int
    ) throws {
        let sends = outgoing.isEmpty ? [0..<0] : chunks(of: outgoing.count)
        let receives = incoming.isEmpty ? [0..<0] : chunks(of: incoming.count)
        for index in 0..<max(sends.count, receives.count) {
            let sending = index < sends.count ? sends[index] : nil
            let receiving = index < receives.count ? receives[index] : nil
            var received: Int32 = 0
            let status = cmpi_send_receive(
                outgoing.baseAddress.map { $0 + (sending?.lowerBound ?? 0) }, Int32(sending?.count ?? 0),
                sending == nil ? -1 : Int32(destination),
                incoming.baseAddress.map { $0 + (receiving?.lowerBound ?? 0) }, Int32(receiving?.count ?? 0),
                receiving == nil ? -1 : Int32(source), exchangeTag, world,
                longestNapNanoseconds, &received)
            try check(status, "sending to rank \(destination) and receiving from rank \(source)")
            try checkReceived(received, of: receiving?.count ?? 0, from: source)
        }
    }
}
