import CMPI
import Diagnostics
import Foundation

/// MPI as the communication thread sees it: communicators, windows, topology. Only that thread calls it.
final class MPISession {
    let world: cmpi_communicator
    /// The ranks that share memory with this one.
    let node: cmpi_communicator
    let topology: Topology
    let description: String
    let rollCall: RollCall
    let chunkByteCount: Int
    /// How this host's ranks share memory.
    let sharing: MemorySharing
    /// Why they share none though nobody asked for that.
    let sharingFailure: LockstepError?
    private let host: cmpi_communicator
    private var pages: [SharedPages] = []

    /// Initialises MPI and finds out the topology. Collective: every rank.
    init(options: CommunicatorOptions) throws {
        chunkByteCount = options.chunkByteCount
        LeftoverSegments.remove()
        description = try Self.initialize()
        var world = cmpi_null_communicator()
        try check(cmpi_duplicate_world(&world), "MPI_Comm_dup")
        self.world = world
        let rank = try Self.rank(in: world)
        var host = cmpi_null_communicator()
        try check(cmpi_split_shared(world, Int32(rank), &host), "MPI_Comm_split_type")
        self.host = host
        let hostRanks = try Self.allgather(Int64(rank), host).map { Int($0) }
        let (board, sharing, failure) = try Self.board(options, host: host, rankCount: hostRanks.count)
        (self.sharing, sharingFailure) = (sharing, failure)
        node = try Self.pretendedNode(of: host, ranksPerNode: sharing == .none ? 1 : options.ranksPerNode)
        topology = Topology(
            rank: rank,
            leaderOfRank: try Self.allgather(try Self.lowestRank(rank, in: node), world).map { Int($0) })
        rollCall = RollCall(
            board: board.base, ranks: sharing == .none ? [rank] : hostRanks, ownRank: rank)
        pages.append(board)
    }

    /// The board of the roll call, and with it the way in which this host's ranks can share memory: the first of
    /// memory files, windows, nothing that works, unless one is asked for. Collective: every rank of the host.
    private static func board(
        _ options: CommunicatorOptions, host: cmpi_communicator, rankCount: Int
    ) throws -> (board: SharedPages, sharing: MemorySharing, failure: LockstepError?) {
        let byteCount = RollCall.byteCount(rankCount: rankCount)
        var failure: LockstepError?
        for sharing in options.sharing.map({ [$0] }) ?? MemorySharing.allCases {
            do {
                return (try sharedPages(byteCount, on: host, sharing: sharing), sharing, failure)
            } catch {
                failure = LockstepError.wrapping(error)
            }
        }
        throw failure ?? LockstepError(.internalError, "no way to share memory")
    }

    /// Frees everything and ends MPI. Collective: every rank.
    func finalize() throws {
        // A missing rank is waited for, and named, while the board can still be read.
        try check(cmpi_barrier(world), "MPI_Barrier")
        rollCall.close()
        while let last = pages.popLast() { try last.release() }
        for (var communicator, name) in [(node, "node"), (host, "host"), (world, "world")] {
            try check(cmpi_free_communicator(&communicator), "MPI_Comm_free of \(name)")
        }
        try check(cmpi_finalize(), "MPI_Finalize")
    }

    /// Zeroed memory that the node's ranks share. Collective: every rank of the node.
    func allocateShared(byteCount: Int) throws -> SharedMemory {
        let sizes = try Self.allgather(Int64(byteCount), node)
        if let other = sizes.firstIndex(where: { $0 != sizes[0] }) {
            let ranks = topology.ranksOfNode[topology.nodeIndex]
            let (first, second) = (ranks[0], ranks[other])
            throw LockstepError(
                .mismatch,
                "shared memory: rank \(first) asks for \(sizes[0]) bytes, rank \(second) for \(sizes[other])",
                remedy: "give every rank the same model and recipe")
        }
        let made = try Self.sharedPages(byteCount, on: node, sharing: sharing)
        pages.append(made)
        return SharedMemory(base: made.base, byteCount: byteCount)
    }

    // MARK: Beginning

    /// Initialises MPI and returns its name and thread level.
    private static func initialize() throws -> String {
        var isInitialized: Int32 = 0
        try check(cmpi_is_initialized(&isInitialized), "MPI_Initialized")
        guard isInitialized == 0 else {
            throw LockstepError(
                .internalError,
                "MPI is initialised already: a process can have one MPICommunicator in its life")
        }
        var level: Int32 = 0
        try check(cmpi_initialize(&level), "MPI_Init_thread")
        return "\(try mpiLibraryName()), thread \(String(cString: cmpi_thread_level_name(level)))"
    }

    /// Cuts the host's ranks into groups of `ranksPerNode` consecutive ones; nil makes one group.
    private static func pretendedNode(
        of host: cmpi_communicator, ranksPerNode: Int?
    ) throws -> cmpi_communicator {
        let hostRank = try rank(in: host)
        var node = cmpi_null_communicator()
        let group = ranksPerNode.map { hostRank / $0 } ?? 0
        try check(cmpi_split(host, Int32(group), Int32(hostRank), &node), "MPI_Comm_split")
        return node
    }

    private static func rank(in communicator: cmpi_communicator) throws -> Int {
        var rank: Int32 = 0
        try check(cmpi_rank(communicator, &rank), "MPI_Comm_rank")
        return Int(rank)
    }

    private static func lowestRank(_ rank: Int, in node: cmpi_communicator) throws -> Int64 {
        var lowest: Int64 = 0
        try check(cmpi_allreduce_int64(Int64(rank), &lowest, CMPI_MINIMUM, node), "MPI_Allreduce")
        return lowest
    }

    /// One integer of every rank of a communicator.
    static func allgather(_ value: Int64, _ communicator: cmpi_communicator) throws -> [Int64] {
        var size: Int32 = 0
        try check(cmpi_size(communicator, &size), "MPI_Comm_size")
        var values = [Int64](repeating: 0, count: Int(size))
        try check(cmpi_allgather_int64(value, &values, communicator), "MPI_Allgather")
        return values
    }
}
