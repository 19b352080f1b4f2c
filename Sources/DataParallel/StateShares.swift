import Collectives
import Execution

/// Optimizer state of which every node holds its share: gathered on the first node for a checkpoint, and handed out when a
/// run goes on. One rank a node talks, the first of the host, which on the first node is the coordinator.
struct StateShares: Sendable {
    /// What each node holds.
    let shares: [NodeShare]
    let memory: NodeMemory
    let map: LaneMap
    let communicator: any Communicator
    /// Arenas of state.
    let arenaCount: Int

    /// Everybody's shares as whole arenas. Collective: the first node's rank 0, and ``send()`` on the others.
    func gather() throws -> ArenaCopies {
        let copies = ArenaCopies(count: arenaCount, elementCount: memory.elementCount)
        for index in 0..<arenaCount {
            let arena = copies.arena(index)
            for part in shares[0].parts where !part.isEmpty {
                (arena + part.lowerBound).update(
                    from: memory.state(index) + shares[0].position(part.lowerBound), count: part.count)
            }
        }
        for node in 1..<map.nodeCount {
            for index in 0..<arenaCount {
                for part in shares[node].parts {
                    try swap(nil, with: node, into: copies.arena(index) + part.lowerBound, part.count)
                }
            }
        }
        return copies
    }

    /// Sends this node's share to the first.
    func send() throws {
        let own = shares[map.nodeIndex]
        for index in 0..<arenaCount {
            for part in own.parts {
                let start = part.isEmpty ? 0 : own.position(part.lowerBound)
                try swap(
                    (UnsafePointer(memory.state(index) + start), part.count), with: 0, into: nil, 0)
            }
        }
    }

    /// Gives every node its share of an arena. Collective: the first rank of every host.
    /// - Parameter whole: the arena, needed on the first node.
    func distribute(_ whole: UnsafePointer<Float>?, index: Int) throws {
        let own = shares[map.nodeIndex]
        guard map.nodeIndex == 0, let whole else {
            for part in own.parts {
                let start = part.isEmpty ? 0 : own.position(part.lowerBound)
                try swap(nil, with: 0, into: memory.state(index) + start, part.count)
            }
            return
        }
        for part in own.parts where !part.isEmpty {
            (memory.state(index) + own.position(part.lowerBound)).update(
                from: whole + part.lowerBound, count: part.count)
        }
        for node in 1..<map.nodeCount {
            for part in shares[node].parts {
                try swap((whole + part.lowerBound, part.count), with: node, into: nil, 0)
            }
        }
    }

    /// A message to a node, one from it; either may be empty.
    private func swap(
        _ outgoing: (start: UnsafePointer<Float>, count: Int)?, with node: Int,
        into incoming: UnsafeMutablePointer<Float>?, _ incomingCount: Int
    ) throws {
        try communicator.exchange(
            UnsafeRawBufferPointer(
                UnsafeBufferPointer(start: outgoing?.start, count: outgoing?.count ?? 0)), toNode: node,
            into: UnsafeMutableRawBufferPointer(
                UnsafeMutableBufferPointer(start: incoming, count: incomingCount)), fromNode: node,
            leaders: communicator.topology.leaders)
    }
}

/// Arenas in memory of this process alone.
public final class ArenaCopies: @unchecked Sendable {
    private let base: UnsafeMutablePointer<Float>
    private let elementCount: Int

    init(count: Int, elementCount: Int) {
        self.elementCount = elementCount
        base =
            UnsafeMutableRawPointer
            .allocate(byteCount: max(1, count * elementCount) * MemoryLayout<Float>.size, alignment: 64)
            .bindMemory(to: Float.self, capacity: count * elementCount)
        // What a checkpoint does not hold, padding and the state of parameters that are not its own, is zero.
        base.initialize(repeating: 0, count: count * elementCount)
    }

    deinit { base.deallocate() }

    func arena(_ index: Int) -> UnsafeMutablePointer<Float> { base + index * elementCount }
}
