import Foundation
import Supervision
import Testing

#if canImport(Glibc)
    import Glibc
#endif

extension SupervisedJobs {
    @Suite("RunSignals and a supervised job", .serialized)
    struct RunSignalsTests {
        /// One test, as the signals and their count belong to the whole process: a job that is asked to stop
        /// ends with its own 143, a job that does not listen is ended by the second request.
        @Test func requestsReachTheRanks() throws {
            #expect(!RunSignals.stopRequested)
            defer { restore() }

            let listening = "trap 'exit 143' USR1; i=0; while [ $i -lt 300 ]; do sleep 0.1; i=$((i+1)); done"
            RunSignals.install(second: .isCounted)
            #expect(try launch(listening, signals: [(3, SIGTERM)]) == 143)
            #expect(RunSignals.stopRequested && !RunSignals.leaveNowRequested)

            let deaf = "trap '' USR1; exec sleep 50"
            RunSignals.install(second: .isCounted)
            #expect(!RunSignals.stopRequested)
            var code: Int32 = -1
            let time = try ContinuousClock().measure {
                code = try launch(deaf, signals: [(3, SIGUSR1), (4, SIGINT)])
            }
            #expect(RunSignals.leaveNowRequested)
            #expect(code == 143 && time < .seconds(15))
        }

        private func launch(_ script: String, signals: [(seconds: Double, number: Int32)]) throws -> Int32 {
            for signal in signals {
                Thread.detachNewThread {
                    Thread.sleep(forTimeInterval: signal.seconds)
                    kill(getpid(), signal.number)
                }
            }
            return try MPIRun(
                ranks: 2, lanes: 1, command: ["/bin/sh", "-c", script], timeLimit: .seconds(60)
            )
            .run()
        }

        private func restore() {
            RunSignals.install(second: .isCounted)
            for number in [SIGTERM, SIGINT, SIGUSR1] { signal(number, SIG_DFL) }
        }
    }
}
