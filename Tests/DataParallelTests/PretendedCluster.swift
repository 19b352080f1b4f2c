import Collectives
import DataParallel
import Diagnostics
import Foundation

/// Several nodes of one rank each, as threads of this process: messages are copies in memory, and counted.
final class PretendedCluster: @unchecked Sendable {
    let nodeCount: Int
    private let condition = NSCondition()
    /// Messages by sender and receiver, in order.
    private var mail: [[Int]: [[UInt8]]] = [:]
    private var sentByteCounts: [Int]

    init(nodeCount: Int) {
        self.nodeCount = nodeCount
        sentByteCounts = Array(repeating: 0, count: nodeCount)
    }

    /// Bytes that each node has sent so far.
    var sent: [Int] { condition.withLock { sentByteCounts } }

    func post(_ bytes: UnsafeRawBufferPointer, from: Int, to: Int) {
        condition.withLock {
            mail[[from, to], default: []].append(Array(bytes))
            sentByteCounts[from] += bytes.count
            condition.broadcast()
        }
    }

    func take(into buffer: UnsafeMutableRawBufferPointer, from: Int, to: Int) throws {
        let bytes: [UInt8]? = condition.withLock {
            while mail[[from, to], default: []].isEmpty {
                if !condition.wait(until: Date(timeIntervalSinceNow: 20)) { return nil }
            }
            return mail[[from, to]]?.removeFirst()
        }
        guard let bytes else { throw LockstepError(.hang, "no message from \(from) to \(to)") }
        guard bytes.count == buffer.count else {
            throw LockstepError(.internalError, "\(bytes.count) bytes where \(buffer.count) were expected")
        }
        buffer.copyBytes(from: bytes)
    }

    /// Does something on every rank at once and returns the results by rank.
    func onEveryRank<Value: Sendable>(
        _ body: @escaping @Sendable (any Communicator) throws -> Value
    ) throws -> [Value] {
        let results = Results<Value>(count: nodeCount)
        let group = DispatchGroup()
        for rank in 0..<nodeCount {
            group.enter()
            let thread = Thread {
                results.set(rank, Result { try body(PretendedRank(self, rank)) })
                group.leave()
            }
            thread.stackSize = 8 << 20
            thread.start()
        }
        group.wait()
        return try results.all.map { try $0.get() }
    }

    private final class Results<Value>: @unchecked Sendable {
        private let lock = NSLock()
        private var values: [Result<Value, any Error>?]
        init(count: Int) { values = Array(repeating: nil, count: count) }
        func set(_ index: Int, _ value: Result<Value, any Error>) { lock.withLock { values[index] = value } }
        var all: [Result<Value, any Error>] { lock.withLock { values.compactMap { $0 } } }
    }
}

/// A rank of a ``PretendedCluster``, alone on its node.
private final class PretendedRank: Communicator {
    let topology: Topology
    let description = "pretended"
    private let cluster: PretendedCluster
    private let solo = SoloCommunicator()

    init(_ cluster: PretendedCluster, _ rank: Int) {
        self.cluster = cluster
        topology = Topology(rank: rank, leaderOfRank: Array(0..<cluster.nodeCount))
    }

    private var others: [Int] { (0..<worldSize).filter { $0 != rank } }

    func barrier() throws { _ = try allgather([1]) }

    func allgather(_ bytes: [UInt8]) throws -> [[UInt8]] {
        for other in others { bytes.withUnsafeBytes { cluster.post($0, from: rank, to: other) } }
        return try (0..<worldSize).map { other in
            if other == rank { return bytes }
            // Only blocks of one length are gathered here.
            var block = bytes
            try block.withUnsafeMutableBytes { try cluster.take(into: $0, from: other, to: rank) }
            return block
        }
    }

    func exchangeBetweenNodes(
        _ send: UnsafeRawBufferPointer, into receive: [UnsafeMutableRawBufferPointer], leaders: [Int]
    ) throws {
        for other in others { cluster.post(send, from: rank, to: other) }
        for other in others { try cluster.take(into: receive[other], from: other, to: rank) }
        if send.baseAddress != UnsafeRawPointer(receive[rank].baseAddress) {
            receive[rank].copyMemory(from: send)
        }
    }

    func exchange(
        _ send: UnsafeRawBufferPointer, toNode: Int, into receive: UnsafeMutableRawBufferPointer,
        fromNode: Int,
        leaders: [Int]
    ) throws {
        cluster.post(send, from: rank, to: toNode)
        try cluster.take(into: receive, from: fromNode, to: rank)
    }

    func allocateShared(byteCount: Int) throws -> SharedMemory {
        try solo.allocateShared(byteCount: byteCount)
    }

    func finalize() {}
    func announceHang() {}
    var sentByteCount: UInt64 { 0 }

    func abort(_ code: Int32) -> Never { fatalError("a pretended rank was aborted") }
    private var unused: LockstepError { LockstepError(.internalError, "not needed by replicas") }
    func broadcast(_ bytes: [UInt8], from root: Int) throws -> [UInt8] { throw unused }
    func broadcast(_ buffer: UnsafeMutableRawBufferPointer, from root: Int) throws { throw unused }
    func gather(_ bytes: [UInt8], to root: Int) throws -> [[UInt8]]? { throw unused }
    func allreduce(_ value: Int64, _ operation: IntegerReduction) throws -> Int64 { throw unused }
}
