import Diagnostics
import Foundation

/// Finds out before training whether all ranks are about to do the same thing.
public enum Handshake {
    /// Compares named facts (binary, recipe, data, oneDNN …) of every rank with those of rank 0.
    /// Collective: every rank, same order.
    /// - Throws: `mismatch`, on every rank and with the same words, naming the first fact that differs (facts
    ///   in rank 0's order, then ranks ascending), both values and both ranks.
    public static func verify(
        _ communicator: any Communicator, facts: [(name: String, value: String)]
    ) throws {
        let encoded = try JSONEncoder().encode(facts.map { [$0.name, $0.value] })
        let everybody = try communicator.allgather([UInt8](encoded)).enumerated().map { rank, bytes in
            try decode(bytes, from: rank)
        }
        for (index, expected) in everybody[0].enumerated() {
            for (rank, theirs) in everybody.enumerated() {
                let found = index < theirs.count ? theirs[index] : nil
                guard found != expected else { continue }
                throw difference(expected, found, rank: rank)
            }
        }
        if let rank = everybody.firstIndex(where: { $0.count > everybody[0].count }) {
            throw LockstepError(
                .mismatch, "rank \(rank) states '\(everybody[rank][everybody[0].count][0])', rank 0 does not",
                remedy: "start every rank from the same binary")
        }
    }

    private static func decode(_ bytes: [UInt8], from rank: Int) throws -> [[String]] {
        let facts = try? JSONDecoder().decode([[String]].self, from: Data(bytes))
        guard let facts, facts.allSatisfy({ $0.count == 2 }) else {
            throw LockstepError(
                .mismatch, "the handshake of rank \(rank) cannot be read",
                remedy: "start every rank from the same binary")
        }
        return facts
    }

    private static func difference(_ expected: [String], _ found: [String]?, rank: Int) -> LockstepError {
        guard let found, found[0] == expected[0] else {
            return LockstepError(
                .mismatch, "rank 0 states '\(expected[0])', rank \(rank) does not",
                remedy: "start every rank from the same binary")
        }
        return LockstepError(
            .mismatch, "\(expected[0]) differs: rank 0 has '\(expected[1])', rank \(rank) has '\(found[1])'",
            remedy: "make \(expected[0]) the same on every rank")
    }
}
