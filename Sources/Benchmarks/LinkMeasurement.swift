import Collectives
import Foundation

/// Measures what lies between the nodes of a job, by messages as training sends them.
enum LinkMeasurement {
    private static let short = 64
    private static let medium = 256 << 10
    private static let long = 2 << 20

    /// Every node sends to the next one and receives from the one before, all at once; the typical times of three sizes
    /// give startup times and bandwidth. Collective: every rank of a job of two nodes or more.
    static func measure(_ communicator: any Communicator) throws -> NetworkLink {
        var times = [Double](repeating: 0, count: 3)
        var processor = 0.0
        try communicator.barrier()
        if communicator.topology.localRank == 0 {
            // The first messages open connections, and use up what a limited link lets pass at once.
            _ = try durations(communicator, long, count: 2)
            times[0] = median(try durations(communicator, short, count: 60))
            times[1] = median(try durations(communicator, medium, count: 20))
            let before = processorSeconds
            times[2] = median(try durations(communicator, long, count: 7))
            processor = (processorSeconds - before) / Double(7 * long)
        }
        try communicator.barrier()
        let secondsPerByte = max(1e-12, (times[2] - times[1]) / Double(long - medium))
        let startup = times[0]
        return NetworkLink(
            startup: startup, longStartup: max(startup, times[1] - Double(medium) * secondsPerByte),
            bytesPerSecond: 1 / secondsPerByte, processorSecondsPerByte: processor)
    }

    private static func durations(_ communicator: any Communicator, _ byteCount: Int, count: Int) throws
        -> [Double]
    {
        let (nodes, node) = (communicator.topology.nodeCount, communicator.topology.nodeIndex)
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: 2 * byteCount, alignment: 64)
        bytes.initializeMemory(as: UInt8.self, repeating: 1)
        defer { bytes.deallocate() }
        return try (0..<count).map { _ in
            try Stopwatch.seconds {
                try communicator.exchange(
                    UnsafeRawBufferPointer(rebasing: bytes[..<byteCount]), toNode: (node + 1) % nodes,
                    into: UnsafeMutableRawBufferPointer(rebasing: bytes[byteCount...]),
                    fromNode: (node + nodes - 1) % nodes, leaders: communicator.topology.leaders)
            }
        }
    }

    private static func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }

    /// Processor time of this process so far.
    private static var processorSeconds: Double {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) * 1e-6 }
        return seconds(usage.ru_utime) + seconds(usage.ru_stime)
    }
}
