import Collectives

/// What every communicator promises, checked by values and counts on every rank; ends without `finalize`.
/// Collective: every rank.
public func communicatorContract(_ communicator: any Communicator) throws {
    try topologyContract(communicator)
    for root in Set([0, communicator.worldSize - 1, communicator.worldSize / 2]).sorted() {
        try broadcastContract(communicator, root: root)
        try gatherContract(communicator, root: root)
    }
    try allgatherContract(communicator)
    try allreduceContract(communicator)
    try sharedMemoryContract(communicator)
    try exchangeContract(communicator)
    try pairContract(communicator)
    for _ in 0..<100 { try communicator.barrier() }
}

/// Bytes that name their rank and place, so that none can be taken for another's.
func pattern(_ count: Int, rank: Int, salt: Int = 0) -> [UInt8] {
    // Eight bytes at a time: the multiplier spreads place and rank over all of them.
    let seed = UInt64(rank * 1009 + salt * 31 + 1)
    let words = [UInt64](unsafeUninitializedCapacity: (count + 7) / 8) { buffer, initializedCount in
        for index in buffer.indices { buffer[index] = (UInt64(index) &+ seed << 32) &* 0x9E37_79B9_7F4A_7C15 }
        initializedCount = buffer.count
    }
    return words.withUnsafeBytes { Array($0.prefix(count)) }
}

private func topologyContract(_ communicator: any Communicator) throws {
    let topology = communicator.topology
    let rank = communicator.rank
    try require((0..<topology.worldSize).contains(rank), "rank \(rank) of \(topology.worldSize)", rank: rank)
    try require(topology.ranksOfNode.count == topology.nodeCount, "nodeCount", rank: rank)
    let all = topology.ranksOfNode.flatMap { $0 }.sorted()
    try require(all == Array(0..<topology.worldSize), "every rank in one node: \(all)", rank: rank)
    let own = topology.ranksOfNode[topology.nodeIndex]
    try require(own.count == topology.localSize, "localSize \(topology.localSize)", rank: rank)
    try require(own[topology.localRank] == rank, "localRank \(topology.localRank)", rank: rank)
    try require(own == own.sorted(), "ascending in the node", rank: rank)
    try require(topology.leaders == topology.leaders.sorted(), "nodes by lowest rank", rank: rank)
    // Everybody has a place of its own.
    let places = try communicator.allgather([UInt8(topology.nodeIndex), UInt8(topology.localRank)])
    try require(Set(places).count == topology.worldSize, "places \(places)", rank: rank)
}

private func broadcastContract(_ communicator: any Communicator, root: Int) throws {
    let rank = communicator.rank
    for count in [0, 1, 7, 4096, (5 << 20) + 3] {
        let expected = pattern(count, rank: root)
        let got = try communicator.broadcast(rank == root ? expected : [], from: root)
        try require(got == expected, "broadcast of \(count) from \(root)", rank: rank)
        var buffer = rank == root ? expected : [UInt8](repeating: 0xEE, count: count)
        try buffer.withUnsafeMutableBytes { try communicator.broadcast($0, from: root) }
        try require(buffer == expected, "broadcast into memory of \(count) from \(root)", rank: rank)
    }
}

/// Lengths that differ from rank to rank, some of them zero, one of them above 2 MiB.
private func unevenLength(_ rank: Int, _ salt: Int) -> Int {
    switch (rank + salt) % 4 {
    case 0: 0
    case 1: 1
    case 2: (2 << 20) + 77 + rank
    default: 1000 * (rank + 1)
    }
}

private func gatherContract(_ communicator: any Communicator, root: Int) throws {
    let rank = communicator.rank
    for salt in 0..<4 {
        let mine = pattern(unevenLength(rank, salt), rank: rank, salt: salt)
        let gathered = try communicator.gather(mine, to: root)
        try require((gathered != nil) == (rank == root), "gather answers the root alone", rank: rank)
        guard let gathered else { continue }
        let expected = (0..<communicator.worldSize).map {
            pattern(unevenLength($0, salt), rank: $0, salt: salt)
        }
        try require(gathered == expected, "gather to \(root): \(gathered.map(\.count))", rank: rank)
    }
}

private func allgatherContract(_ communicator: any Communicator) throws {
    let rank = communicator.rank
    for salt in 0..<4 {
        let mine = pattern(unevenLength(rank, salt), rank: rank, salt: salt)
        let expected = (0..<communicator.worldSize).map {
            pattern(unevenLength($0, salt), rank: $0, salt: salt)
        }
        let got = try communicator.allgather(mine)
        try require(got == expected, "allgather \(got.map(\.count))", rank: rank)
    }
    let empty = try communicator.allgather([])
    try require(empty == Array(repeating: [], count: communicator.worldSize), "empty allgather", rank: rank)
}

private func allreduceContract(_ communicator: any Communicator) throws {
    let rank = communicator.rank
    let size = Int64(communicator.worldSize)
    let value = Int64(rank) - 1
    let big: Int64 = 1 << 53  // beyond what a double counts exactly
    try require(
        try communicator.allreduce(big + 1, .sum) == size * (big + 1), "sum beyond 2^53", rank: rank)
    try require(try communicator.allreduce(value, .sum) == size * (size - 1) / 2 - size, "sum", rank: rank)
    try require(try communicator.allreduce(value, .min) == -1, "min", rank: rank)
    try require(try communicator.allreduce(value, .max) == size - 2, "max", rank: rank)
    try require(try communicator.allreduce(.min, .max) == .min, "the lowest integer", rank: rank)
}

private func sharedMemoryContract(_ communicator: any Communicator) throws {
    let topology = communicator.topology
    for byteCount in [0, 1, 4096, (1 << 18) + 5] {
        let memory = try communicator.allocateShared(byteCount: byteCount)
        try require(memory.byteCount == byteCount, "byteCount", rank: topology.rank)
        try require(Int(bitPattern: memory.base) % 4096 == 0, "page boundary", rank: topology.rank)
        let bytes = UnsafeMutableRawBufferPointer(start: memory.base, count: byteCount)
        try require(bytes.allSatisfy { $0 == 0 }, "zeroed", rank: topology.rank)
        try communicator.barrier()
        // Each rank of the node writes every localSize-th byte; all must see all.
        for index in stride(from: topology.localRank, to: byteCount, by: topology.localSize) {
            bytes[index] = UInt8(truncatingIfNeeded: topology.rank + 1)
        }
        try communicator.barrier()
        let ranks = topology.ranksOfNode[topology.nodeIndex]
        let isSeen = bytes.indices.allSatisfy {
            bytes[$0] == UInt8(truncatingIfNeeded: ranks[$0 % ranks.count] + 1)
        }
        try require(isSeen, "writes of every rank of this node alone", rank: topology.rank)
        try communicator.barrier()
    }
}

/// Small blocks and large ones may travel in different orders.
private func exchangeContract(_ communicator: any Communicator) throws {
    try exchangeContract(communicator, length: unevenLength)
    try exchangeContract(communicator) { node, salt in (node * 3 + salt) % 5 * (64 + node) }
}

private func exchangeContract(
    _ communicator: any Communicator, length: (_ node: Int, _ salt: Int) -> Int
) throws {
    let topology = communicator.topology
    guard topology.localRank == 0 else { return }
    for salt in 0..<4 {
        let lengths = (0..<topology.nodeCount).map { length($0, salt) }
        let receive = lengths.map { length in
            UnsafeMutableRawBufferPointer.allocate(byteCount: length, alignment: 64)
        }
        defer { receive.forEach { $0.deallocate() } }
        let mine = pattern(lengths[topology.nodeIndex], rank: topology.nodeIndex, salt: salt)
        try mine.withUnsafeBytes { try communicator.exchangeBetweenNodes($0, into: receive) }
        for (node, buffer) in receive.enumerated() {
            let expected = pattern(lengths[node], rank: node, salt: salt)
            try require(Array(buffer) == expected, "block of node \(node)", rank: topology.rank)
        }
        // In place: this node's block is sent from where it would be received.
        let own = receive[topology.nodeIndex]
        try communicator.exchangeBetweenNodes(UnsafeRawBufferPointer(own), into: receive)
        try require(Array(own) == mine, "own block in place", rank: topology.rank)
    }
}

/// To one node and from another: every shift around the ring, lengths that differ, empty ones among them.
private func pairContract(_ communicator: any Communicator) throws {
    let topology = communicator.topology
    guard topology.localRank == 0 else { return }
    let (own, count) = (topology.nodeIndex, topology.nodeCount)
    for shift in 0..<count {
        let (to, from) = ((own + shift) % count, (own - shift + count) % count)
        let mine = pattern(unevenLength(own, shift), rank: own, salt: shift)
        var received = [UInt8](repeating: 0xEE, count: unevenLength(from, shift))
        try mine.withUnsafeBytes { send in
            try received.withUnsafeMutableBytes {
                try communicator.exchange(
                    send, toNode: to, into: $0, fromNode: from, leaders: topology.leaders)
            }
        }
        let expected = pattern(received.count, rank: from, salt: shift)
        try require(received == expected, "block of node \(from), shift \(shift)", rank: topology.rank)
    }
}
