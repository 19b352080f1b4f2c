import Benchmarks
import DataParallel
import Testing

/// What must hold of any simulated step, whatever the numbers.
@Suite struct StepSimulationTests {
    /// 12 ms of backward with four buckets of a megabyte and a last one of a quarter, and 1 ms of update.
    static let timeline = StepTimeline(
        buckets: [3, 6, 9, 11].map { .init(elementCount: 256 << 10, ready: $0 * 1e-3) }
            + [.init(elementCount: 64 << 10, ready: 12e-3)],
        backward: 12e-3, update: 1e-3, memoryBytesPerSecond: 20e9)
    static let nodes = [1, 2, 3, 4, 6, 8, 16, 100, 1024]

    static func step(
        _ nodes: Int, lanes: Int = 1, _ link: NetworkLink, timeline: StepTimeline = timeline,
        overlaps: Bool = true
    ) throws -> StepSimulation {
        StepSimulation(
            timeline, cluster: try ClusterShape(nodes: nodes, lanes: lanes), link: link, overlaps: overlaps)
    }

    static func link(_ gigabits: Double, startup: Double = 50e-6, processor: Double = 0) -> NetworkLink {
        NetworkLink(
            startup: startup, longStartup: 3 * startup, bytesPerSecond: gigabits * 125e6,
            processorSecondsPerByte: processor)
    }

    @Test func aNodeAloneOnlyComputes() throws {
        for overlaps in [true, false] {
            let outcome = try Self.step(1, Self.link(0.01), overlaps: overlaps).run()
            #expect(outcome.step == Self.timeline.step && outcome.sentByteCount == 0)
        }
    }

    @Test(arguments: nodes.dropFirst(), [1, 3])
    func moreBandwidthAndLessLatencyAreNeverSlower(nodes: Int, lanes: Int) throws {
        var last = Double.infinity
        for gigabits in [0.1, 0.5, 1, 5, 25, 100] {
            let step = try Self.step(nodes, lanes: lanes, Self.link(gigabits)).run().step
            #expect(step < last, "\(gigabits) Gbit/s")
            last = step
        }
        for startup in [1e-3, 1e-4, 1e-6, 0] {
            let step = try Self.step(nodes, lanes: lanes, Self.link(100, startup: startup)).run().step
            #expect(step <= last || startup == 1e-3, "\(startup) s")
            last = step
        }
    }

    /// With a link that takes no time, only additions and the step itself are left; with latency, so many of it as the
    /// buckets that nothing hides have messages.
    @Test func infiniteBandwidthLeavesComputingAndLatency() throws {
        var timeline = Self.timeline
        timeline.memoryBytesPerSecond = .infinity
        let none = NetworkLink(startup: 0, longStartup: 0, bytesPerSecond: .infinity)
        for nodes in Self.nodes {
            let step = try Self.step(nodes, none, timeline: timeline).run().step
            #expect(abs(step - timeline.step) < 1e-12)
        }
        let alpha = 1e-5
        let slow = NetworkLink(startup: alpha, longStartup: alpha, bytesPerSecond: .infinity)
        // The last bucket is ready with backward: two rounds to halve, two to double, two for the reports.
        let step = try Self.step(4, slow, timeline: timeline).run().step
        #expect(abs(step - timeline.step - 6 * alpha) < 1e-12)
        // Without overlap, five buckets wait.
        let after = try Self.step(4, slow, timeline: timeline, overlaps: false).run().step
        #expect(abs(after - timeline.step - (5 * 4 + 2) * alpha) < 1e-12)
    }

    @Test(arguments: nodes.dropFirst(), [0.1, 1, 10, 100])
    func overlapHelpsAndTheBoundHolds(nodes: Int, gigabits: Double) throws {
        let link = Self.link(gigabits)
        let overlapped = try Self.step(nodes, link)
        let after = try Self.step(nodes, link, overlaps: false).run()
        let outcome = overlapped.run()
        #expect(outcome.step <= after.step && outcome.sentByteCount == after.sentByteCount)
        #expect(abs(after.step - Self.timeline.step - after.exchange) < 1e-12)
        #expect(outcome.step >= StepFormula(overlapped).bound)
    }

    /// What the exchange takes of the processor, backward loses: all of it where the exchange hides behind backward.
    @Test func theProcessorIsShared() throws {
        let free = try Self.step(2, Self.link(100)).run()
        let cost = 1e-10
        let paid = try Self.step(2, Self.link(100, processor: cost)).run()
        let hidden = Double(4 << 20) * cost
        #expect(abs(paid.step - free.step - hidden) < 1e-9)
    }

    /// One bucket that divides evenly: halving for powers of two, scatter for others, two nodes that gather.
    @Test(arguments: [2, 3, 4, 5, 7, 8, 16, 64, 256, 1024], [0.1, 1, 100])
    func oneBucketAgreesWithTheFormula(nodes: Int, gigabits: Double) throws {
        let timeline = StepTimeline(
            buckets: [.init(elementCount: nodes * 4096, ready: 12e-3)], backward: 12e-3, update: 1e-3,
            memoryBytesPerSecond: 20e9)
        for overlaps in [true, false] {
            let simulation = try Self.step(
                nodes, Self.link(gigabits), timeline: timeline, overlaps: overlaps)
            let (step, formula) = (simulation.run().step, StepFormula(simulation).step)
            #expect(abs(step - formula) < 1e-9 * step, "\(step) and \(formula)")
        }
    }

    @Test(arguments: nodes, [0.01, 1, 100])
    func theFormulaIsNeverMore(nodes: Int, gigabits: Double) throws {
        for (lanes, overlaps) in [(1, true), (1, false), (3, true)] {
            let simulation = try Self.step(nodes, lanes: lanes, Self.link(gigabits), overlaps: overlaps)
            #expect(StepFormula(simulation).step <= simulation.run().step * (1 + 1e-12))
        }
    }

    /// The bytes of the real orders, as `ExchangeScheme` tells them: for one sum a node and for several.
    @Test(arguments: [2, 3, 4, 5, 8, 12], [1, 2, 3])
    func bytesOfTheRealOrders(nodes: Int, lanes: Int) throws {
        let cluster = try ClusterShape(nodes: nodes, lanes: lanes)
        let byteCount = 120 * 4096
        let exchange = BucketExchange(elementCount: byteCount / 4, in: cluster)
        let factor =
            switch cluster.scheme {
            case .gather: cluster.subtrees
            case .halving: 2
            case .scatter: cluster.subtrees + 1
            }
        let shared = cluster.scheme == .gather ? byteCount : byteCount / nodes * (nodes - 1)
        // 120 chunks do not divide by 16, so a message of the last halvings can be a chunk more.
        #expect(abs(exchange.sentByteCount - factor * shared) <= 8 * 4096)
        #expect(cluster.scheme == .halving || exchange.sentByteCount == factor * shared)
    }

    @Test func ordersAreThoseOfTraining() throws {
        let expected: [(Int, Int, ExchangeScheme)] = [
            (2, 1, .gather), (2, 4, .gather), (2, 3, .scatter), (3, 1, .scatter), (4, 1, .halving),
            (8, 2, .halving), (1024, 1, .halving), (6, 1, .scatter), (1000, 1, .scatter),
        ]
        for (nodes, lanes, scheme) in expected {
            #expect(try ClusterShape(nodes: nodes, lanes: lanes).scheme == scheme, "\(nodes) × \(lanes)")
        }
    }

    /// A packed bucket goes to every other node, and costs what packing costs.
    @Test func packedBuckets() throws {
        var timeline = Self.timeline
        for index in timeline.buckets.indices {
            let half = timeline.buckets[index].elementCount * 2
            timeline.buckets[index].packed = PackedBucket(byteCount: half, packing: 1e-4, unpacking: 1e-4)
        }
        for nodes in [2, 3, 5] {
            let outcome = try Self.step(nodes, Self.link(1), timeline: timeline).run()
            let reports = BucketExchange.reports(in: try ClusterShape(nodes: nodes, lanes: 1)).sentByteCount
            #expect(outcome.sentByteCount - reports == (nodes - 1) * timeline.byteCount / 2)
        }
        let slow = Self.link(0.1)
        #expect(
            try Self.step(2, slow, timeline: timeline).run().step < Self.step(2, slow).run().step,
            "half the bytes help where the network decides")
    }

    /// Blocks double: every node knows all after ⌈log₂ n⌉ messages, and has sent n − 1 blocks.
    @Test(arguments: [(2, 1), (3, 2), (4, 2), (5, 3), (8, 3), (9, 4), (1024, 10)])
    func reportsTakeFewRounds(nodes: Int, rounds: Int) throws {
        let reports = BucketExchange.reports(in: try ClusterShape(nodes: nodes, lanes: 2))
        let one = BucketExchange.reports(in: try ClusterShape(nodes: 2, lanes: 2)).sentByteCount
        #expect(reports.messages.count == rounds && reports.sentByteCount == (nodes - 1) * one)
    }
}
