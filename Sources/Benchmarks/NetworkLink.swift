import Diagnostics

/// What a message between two nodes costs: a startup time and a time a byte (Hockney 1994; the α and β of Thakur,
/// Rabenseifner and Gropp 2005). A link carries both directions at once.
public struct NetworkLink: Sendable, Equatable {
    /// Seconds until a short message has arrived, however short it is.
    public var startup: Double
    /// The same for a message longer than ``eagerByteCount``: MPI announces it, and sends it when the receiver has answered.
    public var longStartup: Double
    /// Bytes of messages a second, in each direction.
    public var bytesPerSecond: Double
    /// Seconds of a processor that a byte takes which is sent while another one comes in: what a lane beside loses.
    public var processorSecondsPerByte: Double

    /// Open MPI's `btl_tcp_eager_limit`.
    public static let eagerByteCount = 65_536
    /// Of the 1,538 bytes that a frame of Ethernet takes on the wire, 1,448 are TCP's payload.
    package static let payloadShare = 1448.0 / 1538.0

    /// Creates a link.
    public init(
        startup: Double, longStartup: Double, bytesPerSecond: Double, processorSecondsPerByte: Double = 0
    ) {
        self.startup = startup
        self.longStartup = longStartup
        self.bytesPerSecond = bytesPerSecond
        self.processorSecondsPerByte = processorSecondsPerByte
    }

    /// A link as network cards are sold and `tc` writes it.
    /// - Parameters:
    ///   - bandwidth: bits of the wire a second, for instance `1gbit`; of them TCP carries 94 %.
    ///   - latency: the way from one node to another, for instance `50us`; a long message takes it three times.
    /// - Throws: `LockstepError` (2) for words that are no such thing.
    public init(bandwidth: String, latency: String, processorSecondsPerByte: Double = 0) throws {
        let bits = try Self.number(
            bandwidth, [("kbit", 1e3), ("mbit", 1e6), ("gbit", 1e9), ("tbit", 1e12), ("bit", 1)],
            what: "bandwidth", example: "1gbit")
        guard bits > 0 else {
            throw LockstepError(
                .usage, "a bandwidth of '\(bandwidth)'", remedy: "give one above zero, for instance 1gbit")
        }
        let seconds = try Self.number(
            latency, [("us", 1e-6), ("ms", 1e-3), ("s", 1)], what: "latency", example: "50us")
        self.init(
            startup: seconds, longStartup: 3 * seconds, bytesPerSecond: bits / 8 * Self.payloadShare,
            processorSecondsPerByte: processorSecondsPerByte)
    }

    private static func number(
        _ word: String, _ units: [(name: String, factor: Double)], what: String, example: String
    ) throws -> Double {
        for unit in units where word.hasSuffix(unit.name) {
            guard let value = Double(word.dropLast(unit.name.count)), value >= 0, value.isFinite else {
                break
            }
            return value * unit.factor
        }
        throw LockstepError(
            .usage, "'\(word)' is no \(what)",
            remedy: "write a number and one of " + units.map(\.name).joined(separator: ", ")
                + ", for instance \(example)")
    }

    /// Seconds from the start of a message to its end.
    package func seconds(_ byteCount: Int) -> Double {
        (byteCount > Self.eagerByteCount ? longStartup : startup) + Double(byteCount) / bytesPerSecond
    }
}
