import CKernels
import Foundation

/// Who of this host's ranks has arrived at which collective: a board in shared memory, so that a rank whose
/// time is up can name the one it waits for without MPI, which cannot answer then.
///
/// It spans the whole host, also when the host is cut into pretended nodes. A rank on another host is named
/// by the ranks of that host.
final class RollCall: @unchecked Sendable {
    /// A line a rank, one counter a scope; and a line that says whether any rank's time is up.
    static func byteCount(rankCount: Int) -> Int { (rankCount + 1) * Int(LKS_LINE_BYTES) }

    private let board: UnsafeMutableRawPointer
    private let ranks: [Int]
    private let ownIndex: Int
    private let lock = NSLock()
    private var isClosed = false

    /// - Parameters:
    ///   - board: zeroed memory that this host's ranks share.
    ///   - ranks: the world ranks of this host, ascending.
    ///   - ownRank: the one that marks its arrival here.
    init(board: UnsafeMutableRawPointer, ranks: [Int], ownRank: Int) {
        self.board = board
        self.ranks = ranks
        ownIndex = ranks.firstIndex(of: ownRank) ?? 0
    }

    /// Marks that this rank has entered the collective; one thread only.
    func arrive(at call: CollectiveCall) {
        lks_store_u64(counter(ownIndex, call.scope), call.number)
    }

    /// Tells all ranks of the host that the time of one is up: they give up too, and say what they wait for.
    func announceHang() {
        lock.withLock { if !isClosed { lks_store_u64(hangWord, 1) } }
    }

    /// Whether the time of a rank of this host is up.
    var isHanging: Bool { lock.withLock { !isClosed && lks_load_u64(hangWord) != 0 } }

    /// Ends the reading of the board, whose memory is about to be freed.
    func close() { lock.withLock { isClosed = true } }

    /// Says in words who has not arrived among those that take part.
    func report(on call: CollectiveCall, participants: [Int]) -> String {
        lock.lock()
        defer { lock.unlock() }
        if isClosed { return "all ranks have arrived, but MPI does not end" }
        let lateRanks = ranks.indices.compactMap { index -> String? in
            guard participants.contains(ranks[index]) else { return nil }
            let number = lks_load_u64(counter(index, call.scope))
            return number < call.number ? "rank \(ranks[index]) (last seen at number \(number))" : nil
        }
        if !lateRanks.isEmpty { return "not arrived: " + lateRanks.joined(separator: ", ") }
        let elsewhere = participants.filter { !ranks.contains($0) }
        guard !elsewhere.isEmpty else { return "all ranks have arrived, but the messages do not" }
        let names = elsewhere.map(String.init).joined(separator: ", ")
        return "all of this host have arrived, so it is the network or one of the ranks elsewhere: \(names)"
    }

    private var hangWord: UnsafeMutablePointer<UInt64> {
        (board + ranks.count * Int(LKS_LINE_BYTES)).assumingMemoryBound(to: UInt64.self)
    }

    private func counter(_ index: Int, _ scope: CollectiveCall.Scope) -> UnsafeMutablePointer<UInt64> {
        (board + index * Int(LKS_LINE_BYTES)).assumingMemoryBound(to: UInt64.self) + scope.rawValue
    }
}
