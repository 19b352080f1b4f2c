import Dispatch
import Foundation

/// The one thread that calls MPI: takes closures in order of arrival and runs them.
///
/// It never ends by itself while the process lives, unless ``stop()`` is called after `MPI_Finalize`.
final class CommunicationThread: @unchecked Sendable {
    private let lock = NSLock()
    private let available = DispatchSemaphore(value: 0)
    private var queue: [() -> Void] = []
    private var isBusy = false
    private var isStopped = false

    init() {
        let thread = Thread { [self] in serve() }
        thread.name = "communication"
        // MPI libraries expect a main thread's stack; Foundation's default is half a megabyte.
        thread.stackSize = 16 << 20
        thread.start()
    }

    /// Hands over a closure; ``Job/wait(_:)`` tells what came of it.
    func submit<Value>(_ body: @escaping () throws -> Value) -> Job<Value> {
        let job = Job<Value>()
        lock.withLock { queue.append { job.finish(Result { try body() }) } }
        available.signal()
        return job
    }

    /// Whether a closure runs or waits to.
    var isIdle: Bool { lock.withLock { !isBusy && queue.isEmpty } }

    /// Ends the thread after what was submitted before.
    func stop() {
        lock.withLock { isStopped = true }
        available.signal()
    }

    private func serve() {
        while true {
            available.wait()
            let work: (() -> Void)? = lock.withLock {
                guard !queue.isEmpty else { return nil }
                isBusy = true
                return queue.removeFirst()
            }
            guard let work else {
                if lock.withLock({ isStopped }) { return }
                continue
            }
            work()
            lock.withLock { isBusy = false }
        }
    }
}

/// What a closure on the communication thread will have returned.
final class Job<Value>: @unchecked Sendable {
    private let done = DispatchSemaphore(value: 0)
    private var result: Result<Value, any Error>?

    fileprivate func finish(_ result: Result<Value, any Error>) {
        self.result = result
        done.signal()
    }

    /// The closure's value, or nil if there is none after `timeLimit`; called once.
    /// - Throws: what the closure threw.
    func wait(_ timeLimit: Duration) throws -> Value? {
        // Dispatch's time is monotonic: setting the clock cannot make a hang out of a healthy run.
        let nanoseconds = Int(clamping: min(timeLimit.nanoseconds, .max / 4))
        guard done.wait(timeout: .now() + .nanoseconds(nanoseconds)) == .success else { return nil }
        return try result?.get()
    }
}
