import Foundation
import Testing

extension CommandTests {
    /// One bit of one weight, flipped for real in the memory of a running rank.
    @Suite struct DigestTests {
        @Test(arguments: [(2, 0), (3, 2), (3, 0)]) func aFlippedBitIsFound(_ nodes: Int, _ victim: Int) throws
        {
            let workspace = try Workspace()
            let folder = workspace.at("run")
            // A rate so small that weights stay as they are, to find them in memory.
            let command = try RunningCommand(
                ["mpirun", "-n", "\(nodes)", "--oversubscribe", try Lockstep.program(), "train"]
                    + [Lockstep.recipe("breast-cancer"), "--output", folder, "--lanes", "1"] + LongRun.words
                    + ["--set", "training.optimizer.rate=1e-30"],
                environment: ["LOCKSTEP_RANKS_PER_NODE": "1"])
            let hasBegun = eventually(within: 40) {
                RunFiles.checkpoints(folder).count > 1 || !command.isRunning
            }
            #expect(hasBegun && command.isRunning)
            let (name, weight) = try #require(try Self.lastWeight(of: folder))
            let process = try #require(command.processes().first { $0.rank == victim })
            let flippedAfter = try RunFiles.state(folder).step
            #expect(try SharedBits.flip(weight, of: process.pid) == 1)
            let result = try command.wait(limit: 30)
            #expect(result.exitCode == 17, "\(result.everything)")
            let errors = result.errors.split(separator: "\n").filter { $0.hasPrefix("lockstep: ") }
            #expect(errors.count == 1, "one rank tells it: \(result.errors)")
            let error = try #require(errors.first)
            #expect(error.contains("tensor '\(name)'"), "\(error)")
            #expect(
                error.contains(
                    nodes == 2
                        ? "node 0 (rank 0) and node 1 (rank 1) differ"
                        : "node \(victim) (rank \(victim)) differ from those of the other nodes"), "\(error)")
            let step = try #require(error.firstMatch(of: /step (\d+)/).flatMap { Int($0.1) })
            // Every 100 steps, and at the end of each epoch of 13, before its evaluation.
            #expect(
                (step % 100 == 0 || step % 13 == 0) && step >= flippedAfter,
                "\(error), flipped after \(flippedAfter)")
            #expect(try RunFiles.state(folder).step <= step)
            #expect(try Self.lastWeight(of: folder)?.bytes == weight, "the flipped weight was not saved")
            #expect(command.isGone(within: 5))
        }

        /// The weight of the output layer, whose order in memory is that of the file.
        private static func lastWeight(of folder: String) throws -> (name: String, bytes: Data)? {
            guard let checkpoint = RunFiles.checkpoints(folder).last else { return nil }
            let file = try Data(contentsOf: URL(fileURLWithPath: checkpoint + "/model.safetensors"))
            let length = file.prefix(8).enumerated().reduce(0) { $0 + Int($1.element) << (8 * $1.offset) }
            let header = try RunFiles.json(String(decoding: file[8..<(8 + length)], as: UTF8.self))
            for (name, value) in header {
                guard let entry = value as? [String: Any], entry["shape"] as? [Int] == [1, 64],
                    let offsets = entry["data_offsets"] as? [Int]
                else { continue }
                return (name, Data(file[(8 + length + offsets[0])..<(8 + length + offsets[1])]))
            }
            return nil
        }
    }
}

/// The memory that ranks share, seen from outside.
enum SharedBits {
    /// Flips a bit wherever these bytes lie in the memory files of a process.
    /// - Returns: how often they lie there.
    static func flip(_ pattern: Data, of pid: Int32) throws -> Int {
        let maps = try String(contentsOfFile: "/proc/\(pid)/maps", encoding: .utf8)
        let memory = open("/proc/\(pid)/mem", O_RDWR)
        defer { close(memory) }
        var count = 0
        for line in maps.split(separator: "\n") where line.contains("memfd:lockstep") {
            let ends = line.prefix { $0 != " " }.split(separator: "-").compactMap { Int($0, radix: 16) }
            var bytes = Data(count: ends[1] - ends[0])
            let read = bytes.withUnsafeMutableBytes {
                pread(memory, $0.baseAddress, $0.count, off_t(ends[0]))
            }
            guard read == bytes.count else { throw CocoaError(.fileReadUnknown) }
            guard let found = bytes.range(of: pattern) else { continue }
            var byte = bytes[found.lowerBound + 101] ^ 0x08
            count += pwrite(memory, &byte, 1, off_t(ends[0] + found.lowerBound + 101))
        }
        return count
    }
}
