import Diagnostics
import Foundation

/// The communicator of one process alone: every collective is a copy, and MPI is never initialised.
public final class SoloCommunicator: Communicator {
    /// One rank on one node.
    public let topology = Topology.solo
    /// `solo`.
    public let description = "solo"

    /// Creates it; there may be several.
    public init() {}

    /// Returns at once.
    public func barrier() {}

    /// Returns the bytes.
    public func broadcast(_ bytes: [UInt8], from root: Int) throws -> [UInt8] {
        try checkRoot(root, of: "broadcast")
        return bytes
    }

    /// Leaves the buffer as it is.
    public func broadcast(_ buffer: UnsafeMutableRawBufferPointer, from root: Int) throws {
        try checkRoot(root, of: "broadcast")
    }

    /// Returns the bytes as the only rank's.
    public func gather(_ bytes: [UInt8], to root: Int) throws -> [[UInt8]]? {
        try checkRoot(root, of: "gather")
        return [bytes]
    }

    /// Returns the bytes as the only rank's.
    public func allgather(_ bytes: [UInt8]) -> [[UInt8]] { [bytes] }

    /// Returns the value.
    public func allreduce(_ value: Int64, _ operation: IntegerReduction) -> Int64 { value }

    /// Zeroed memory of this process, freed with the object that holds it.
    public func allocateShared(byteCount: Int) throws -> SharedMemory {
        guard byteCount >= 0, let memory = SharedMemory.ofOneProcess(byteCount: byteCount) else {
            throw LockstepError(
                .cannotCreate, "no memory for \(byteCount.grouped) bytes",
                remedy: "use a smaller model or a machine with more memory", rank: 0)
        }
        return memory
    }

    /// Copies the only node's block.
    public func exchangeBetweenNodes(
        _ send: UnsafeRawBufferPointer, into receive: [UnsafeMutableRawBufferPointer], leaders: [Int]
    ) throws {
        try checkExchange(send, receive, leaders)
        copyOwnBlock(send, into: receive[0])
    }

    /// Copies the only node's block.
    public func exchange(
        _ send: UnsafeRawBufferPointer, toNode: Int, into receive: UnsafeMutableRawBufferPointer,
        fromNode: Int,
        leaders: [Int]
    ) throws {
        try checkLeaders(leaders, of: "exchange")
        try checkNodes(toNode, fromNode, of: "exchange")
        guard send.count == receive.count else {
            throw LockstepError(
                .internalError, "exchange of \(send.count) bytes into \(receive.count)", rank: rank)
        }
        copyOwnBlock(send, into: receive)
    }

    /// Ends this process.
    public func abort(_ code: Int32) -> Never {
        fflush(nil)
        _exit(code)
    }

    /// Does nothing: memory is freed with its object.
    public func finalize() {}
}
