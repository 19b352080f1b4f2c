// Runs a scenario on every rank of a job; CollectivesTests starts it under mpirun.
// By hand: mpirun -n 2 --oversubscribe .build/debug/CollectivesContractRunner contract
import Collectives
import CollectivesContract
import Diagnostics
import Foundation

/// Prints in one write, so that lines of several ranks do not mix.
func say(_ text: String) {
    FileHandle.standardOutput.write(Data((text + "\n").utf8))
}

func runScenario(_ name: String, _ communicator: any Communicator) throws {
    let rank = communicator.rank
    switch name {
    case "contract": try contract(communicator)
    case "abort-idle":
        // Rank 0 waits in a collective that the last rank never joins: it fails and ends the job.
        if rank == communicator.worldSize - 1 { communicator.abort(65) }
        try communicator.barrier()
    case "abort-blocked":
        // The failing thread is not the one that waits in a collective of the same rank.
        if rank == communicator.worldSize - 1 {
            Thread.detachNewThread {
                Thread.sleep(forTimeInterval: 0.3)
                communicator.abort(65)
            }
            try communicator.barrier()
        }
        while true { Thread.sleep(forTimeInterval: 1) }
    case "missing": try missingRank(communicator)
    case "missing-leader": try missingLeader(communicator)
    case "handshake":
        let recipe = rank == 1 ? "b" : "a"
        try Handshake.verify(communicator, facts: [("binary", "x"), ("recipe", recipe), ("data", "\(rank)")])
    case "unequal-shared": _ = try communicator.allocateShared(byteCount: 100 + rank)
    case "too-much-shared": _ = try communicator.allocateShared(byteCount: 1 << 55)
    case "unequal-exchange":
        var buffers = [10, 10].map { UnsafeMutableRawBufferPointer.allocate(byteCount: $0, alignment: 64) }
        if rank == 1 { buffers[0] = UnsafeMutableRawBufferPointer(rebasing: buffers[0][0..<4]) }
        let own = UnsafeRawBufferPointer(buffers[communicator.topology.nodeIndex])
        try communicator.exchangeBetweenNodes(own, into: buffers)
    default: throw LockstepError(.usage, "no scenario '\(name)'")
    }
}

func contract(_ communicator: any Communicator) throws {
    try communicatorContract(communicator)
    for threads in 1...2 {
        let nanoseconds = try sharedPrimitivesContract(
            communicator, threadsPerRank: threads, roundCount: 10_000)
        if communicator.rank == 0 {
            say("barrier of \(threads * communicator.topology.localSize): \(Int(nanoseconds)) ns")
        }
    }
    try Handshake.verify(communicator, facts: [("binary", "x"), ("size", "\(communicator.worldSize)")])
    try communicator.finalize()
    try communicator.finalize()
    let topology = communicator.topology
    say("OK rank \(topology.rank)/\(topology.worldSize) node \(topology.nodeIndex)/\(topology.nodeCount)")
}

/// The last rank stays away from the second collective.
func missingRank(_ communicator: any Communicator) throws {
    try communicator.barrier()
    if communicator.rank == communicator.worldSize - 1 { Thread.sleep(forTimeInterval: 30) }
    _ = try communicator.allgather([1, 2, 3])
}

/// The last node's leader stays away from an exchange.
func missingLeader(_ communicator: any Communicator) throws {
    let topology = communicator.topology
    if topology.nodeIndex == topology.nodeCount - 1 { Thread.sleep(forTimeInterval: 30) }
    let buffers = (0..<topology.nodeCount).map { _ in
        UnsafeMutableRawBufferPointer.allocate(byteCount: 8, alignment: 64)
    }
    try communicator.exchangeBetweenNodes(UnsafeRawBufferPointer(buffers[topology.nodeIndex]), into: buffers)
}

/// The communicator of this job; a second argument sets the longest single message, so that the cutting of
/// long payloads is tested without gigabytes.
func makeCommunicator(_ arguments: [String]) throws -> any Communicator {
    guard arguments.count > 2, let chunkByteCount = Int(arguments[2]) else {
        return try CommunicatorFactory.make()
    }
    var options = try CommunicatorOptions(environment: ProcessInfo.processInfo.environment)
    options.chunkByteCount = chunkByteCount
    return try MPICommunicator(options: options)
}

var communicator: (any Communicator)?
do {
    let made = try makeCommunicator(CommandLine.arguments)
    communicator = made
    say("START rank \(made.rank) on \(made.description)")
    try runScenario(CommandLine.arguments.count > 1 ? CommandLine.arguments[1] : "contract", made)
} catch {
    say("FAILED rank \(communicator?.rank ?? -1): \(error)")
    // Leaves the others time to say what they saw, then ends them all alike.
    Thread.sleep(forTimeInterval: 0.3)
    let code = (error as? LockstepError)?.code ?? .internalError
    communicator?.abort(code.rawValue)
    exit(code.rawValue)
}
