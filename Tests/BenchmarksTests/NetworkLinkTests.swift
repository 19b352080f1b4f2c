import Benchmarks
import Diagnostics
import Testing

@Suite struct NetworkLinkTests {
    @Test func wordsAsTrafficControlWritesThem() throws {
        let link = try NetworkLink(bandwidth: "1gbit", latency: "50us")
        #expect(abs(link.startup - 50e-6) < 1e-15 && link.longStartup == 3 * link.startup)
        #expect(abs(link.bytesPerSecond - 125e6 * NetworkLink.payloadShare) < 1)
        for (word, bits) in [("400mbit", 4e8), ("64kbit", 64e3), ("2.5gbit", 2.5e9), ("9600bit", 9600)] {
            let rate = try NetworkLink(bandwidth: word, latency: "0ms").bytesPerSecond
            #expect(abs(rate / (bits / 8 * NetworkLink.payloadShare) - 1) < 1e-12, "\(word)")
        }
        for (word, seconds) in [("1ms", 1e-3), ("2s", 2), ("0us", 0)] {
            #expect(try NetworkLink(bandwidth: "1bit", latency: word).startup == seconds, "\(word)")
        }
    }

    @Test(arguments: [
        ("fast", "1ms"), ("", "1ms"), ("1", "1ms"), ("0gbit", "1ms"), ("-1gbit", "1ms"), ("nangbit", "1ms"),
        ("infgbit", "1ms"), ("1gbit", ""), ("1gbit", "1"), ("1gbit", "soon"), ("1gbit", "-1ms"),
    ])
    func otherWordsAreRefused(bandwidth: String, latency: String) throws {
        let error = #expect(throws: LockstepError.self) {
            try NetworkLink(bandwidth: bandwidth, latency: latency)
        }
        #expect(error?.code == .usage)
    }

    /// Long messages wait for an answer first; both take their bytes' time.
    @Test func messages() {
        let link = NetworkLink(startup: 1, longStartup: 3, bytesPerSecond: 1000)
        #expect(link.seconds(0) == 1 && link.seconds(1000) == 2)
        #expect(link.seconds(NetworkLink.eagerByteCount) == 1 + 65.536)
        #expect(link.seconds(NetworkLink.eagerByteCount + 1) == 3 + 65.537)
    }

    @Test func twoTurnsMustAgree() {
        #expect(!ScalingBenchmark.isSettled([]) && !ScalingBenchmark.isSettled([5]))
        #expect(ScalingBenchmark.isSettled([5, 5.04]) && !ScalingBenchmark.isSettled([5, 5.1]))
        #expect(ScalingBenchmark.isSettled([7, 5.04, 9, 5]) && !ScalingBenchmark.isSettled([5.1, 7, 5]))
    }
}
