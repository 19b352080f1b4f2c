import Diagnostics

/// What the ranks of a job do together.
///
/// Every function but ``abort(_:)`` is **collective: every rank, same order**; the ones that concern a part
/// of the ranks say so. They block, are called from one thread at a time if the order is to be the same
/// everywhere, and throw a ``Diagnostics/LockstepError`` that carries rank, collective, its number and its
/// bytes.
public protocol Communicator: AnyObject, Sendable {
    /// Where this rank stands.
    var topology: Topology { get }

    /// What carries the messages, for instance `solo` or `Open MPI 4.1.4, thread multiple`.
    var description: String { get }

    /// Waits for every rank. Collective: every rank, same order.
    func barrier() throws

    /// The root's bytes, of any length, on every rank. Collective: every rank, same order.
    /// - Parameter bytes: what the root sends; other ranks pass `[]`.
    func broadcast(_ bytes: [UInt8], from root: Int) throws -> [UInt8]

    /// Copies the root's memory into every rank's `buffer`, which has the same length everywhere.
    /// Collective: every rank, same order.
    func broadcast(_ buffer: UnsafeMutableRawBufferPointer, from root: Int) throws

    /// Every rank's bytes, in the order of ranks, on the root; nil elsewhere. Lengths may differ.
    /// Collective: every rank, same order.
    func gather(_ bytes: [UInt8], to root: Int) throws -> [[UInt8]]?

    /// Every rank's bytes, in the order of ranks, on every rank. Lengths may differ.
    /// Collective: every rank, same order.
    func allgather(_ bytes: [UInt8]) throws -> [[UInt8]]

    /// The reduction of every rank's value, on every rank. Collective: every rank, same order.
    func allreduce(_ value: Int64, _ operation: IntegerReduction) throws -> Int64

    /// Zeroed memory that all ranks of a node see. Collective inside the node: every rank of it, same order,
    /// with the same byte count.
    /// - Throws: `mismatch` where byte counts differ, `cannotCreate` where the node has not so much shared
    ///   memory.
    func allocateShared(byteCount: Int) throws -> SharedMemory

    /// Sends a block to every other node and receives theirs. Collective: **the leaders**, same order.
    /// - Parameters:
    ///   - send: this node's block.
    ///   - receive: one buffer a node; `receive[i].count` is the length of node i's block. This node's own
    ///     block is copied into `receive[nodeIndex]`, or is already there when both are the same memory.
    ///   - leaders: the rank of each node that takes part.
    func exchangeBetweenNodes(
        _ send: UnsafeRawBufferPointer, into receive: [UnsafeMutableRawBufferPointer], leaders: [Int]
    ) throws

    /// Sends a block to one node and receives one from another, or from the same. Collective: **the leaders**, same
    /// order; where one sends to another, that one receives from it in the same call, a block as long.
    /// - Parameters:
    ///   - send: what node `toNode` receives; may be empty.
    ///   - receive: where the block of node `fromNode` goes; must not overlap `send`.
    ///   - leaders: the rank of each node that takes part.
    func exchange(
        _ send: UnsafeRawBufferPointer, toNode: Int, into receive: UnsafeMutableRawBufferPointer,
        fromNode: Int,
        leaders: [Int]
    ) throws

    /// Bytes that this rank has sent to other nodes by the exchanges so far.
    var sentByteCount: UInt64 { get }

    /// Tells the other ranks of this host that this one's time is up, so that they give up too and say what they wait
    /// for. Not collective: callable from any thread, at any time.
    func announceHang()

    /// Ends every rank of the job with this exit code, at once. Callable from any thread, at any time.
    func abort(_ code: Int32) -> Never

    /// Frees the shared memory and takes leave of the other ranks; calling it again does nothing.
    /// Collective: every rank. No other function but ``abort(_:)`` may be called afterwards.
    func finalize() throws
}

extension Communicator {
    /// Does nothing: for communicators whose ranks wait for nobody.
    public func announceHang() {}

    /// Zero: for communicators that count nothing.
    public var sentByteCount: UInt64 { 0 }

    /// The exchange among the ranks of localRank 0.
    public func exchangeBetweenNodes(
        _ send: UnsafeRawBufferPointer, into receive: [UnsafeMutableRawBufferPointer]
    ) throws {
        try exchangeBetweenNodes(send, into: receive, leaders: topology.leaders)
    }

    /// This rank's number in the world, from 0.
    public var rank: Int { topology.rank }
    /// How many ranks there are.
    public var worldSize: Int { topology.worldSize }

    /// Refuses a root that does not exist.
    func checkRoot(_ root: Int, of name: String) throws {
        guard root >= 0, root < worldSize else {
            throw LockstepError(
                .internalError, "\(name) from or to rank \(root), but there are \(worldSize) ranks",
                rank: rank)
        }
    }

    /// Refuses leaders that are not one a node, or a rank that is none of them.
    func checkLeaders(_ leaders: [Int], of name: String) throws {
        guard leaders.count == topology.nodeCount, leaders[topology.nodeIndex] == rank else {
            throw LockstepError(
                .internalError, "\(name) among ranks \(leaders), one a node, called by rank \(rank)",
                rank: rank)
        }
    }

    /// Refuses nodes that do not exist.
    func checkNodes(_ nodes: Int..., of name: String) throws {
        for node in nodes where !(0..<topology.nodeCount).contains(node) {
            throw LockstepError(
                .internalError, "\(name) with node \(node), but there are \(topology.nodeCount)", rank: rank)
        }
    }

    /// Refuses an exchange whose buffers do not fit the topology.
    func checkExchange(
        _ send: UnsafeRawBufferPointer, _ receive: [UnsafeMutableRawBufferPointer], _ leaders: [Int]
    ) throws {
        try checkLeaders(leaders, of: "exchangeBetweenNodes")
        guard receive.count == topology.nodeCount else {
            throw LockstepError(
                .internalError,
                "exchangeBetweenNodes into \(receive.count) buffers for \(topology.nodeCount) nodes",
                rank: rank)
        }
        let own = receive[topology.nodeIndex].count
        guard own == send.count else {
            throw LockstepError(
                .internalError,
                "exchangeBetweenNodes sends \(send.count) bytes, but its own buffer holds \(own)",
                rank: rank)
        }
    }
}

/// Copies this node's own block to its place, unless it is there already.
func copyOwnBlock(_ send: UnsafeRawBufferPointer, into own: UnsafeMutableRawBufferPointer) {
    guard send.count > 0, send.baseAddress != UnsafeRawPointer(own.baseAddress) else { return }
    own.copyMemory(from: send)
}
