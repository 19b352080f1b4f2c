import Collectives
import CollectivesContract
import Diagnostics
import Foundation
import Testing

@Suite(.timeLimit(.minutes(1)))
struct FlagTests {
    private func flag(_ memory: SharedMemory, timeout: Duration = .seconds(20)) -> Flag {
        Flag(at: memory.base, spinCount: 10, timeout: timeout, name: "copied flag of rank 0")
    }

    private func memory() throws -> SharedMemory {
        try SoloCommunicator().allocateShared(byteCount: Flag.byteCount)
    }

    @Test func onlyGrows() throws {
        let memory = try memory()
        let flag = flag(memory)
        #expect(flag.value == 0)
        flag.publish(1 << 40)
        flag.publish(3)
        #expect(flag.value == 1 << 40)
        try flag.wait(until: 1 << 40)
        #expect(flag.advance() == (1 << 40) + 1)
    }

    @Test func advancesOfManyThreadsAllCount() throws {
        let memory = try memory()
        let failures = FailureList()
        onThreads(4) { index in
            let flag = flag(memory)
            if index == 0 { return failures.record { try flag.wait(until: 3000) } }
            for _ in 0..<1000 { flag.advance() }
        }
        try failures.throwFirst()
        #expect(flag(memory).value == 3000)
    }

    @Test func waitThatIsNotAnsweredNamesTheFlag() throws {
        let memory = try memory()
        let flag = flag(memory, timeout: .milliseconds(100))
        flag.publish(3)
        let error = try #require(throws: LockstepError.self) { try flag.wait(until: 4) }
        #expect(error.code == .hang)
        #expect(
            error.message == "waited 0.1 seconds for the copied flag of rank 0 to reach 4, it stands at 3")
    }

    @Test func abortIsSharedBySeveralFlags() throws {
        let memory = try SoloCommunicator().allocateShared(
            byteCount: 2 * Flag.byteCount + AbortSignal.byteCount)
        let signal = AbortSignal(at: memory.base)
        #expect(signal.raised == nil)
        let failures = FailureList()
        onThreads(3) { index in
            if index == 2 {
                Thread.sleep(forTimeInterval: 0.1)
                return AbortSignal(at: memory.base).raise(by: 5, code: .inputOutput)
            }
            let place = memory.base + AbortSignal.byteCount + index * Flag.byteCount
            let flag = Flag(at: place, spinCount: 0, timeout: .seconds(20), abortSignal: signal)
            failures.record {
                let error = #expect(throws: LockstepError.self) { try flag.wait(until: 1) }
                #expect(error?.code == .inputOutput)
                #expect(error?.message == "aborted by rank 5 while waiting at the flag")
            }
        }
        try failures.throwFirst()
    }
}
