import Diagnostics
import Foundation

/// The thread of a node that exchanges buckets with other nodes while the lanes go on with backward. It sleeps until all
/// lanes of the node have filled a bucket, then exchanges it, blocking: so buckets travel in fixed order on all nodes.
final class ExchangeDriver: @unchecked Sendable {
    private let exchange: NodeExchange
    private let progress: ExchangeProgress
    private let steps: Range<Int>
    private let passesAnAverage: Int
    private let onError: @Sendable (any Error) -> Void
    private let condition = NSCondition()
    private var outcome: Result<Void, any Error>?

    /// Starts the thread, which ends after these steps (passes, where nodes average parameters instead of summing
    /// gradients), or after the one in which any rank asked to stop.
    /// - Parameter onError: told at once of a failure, so that it can end the lanes' waiting.
    init(
        _ exchange: NodeExchange, progress: ExchangeProgress, steps: Range<Int>, passesAnAverage: Int = 1,
        onError: @escaping @Sendable (any Error) -> Void
    ) {
        self.exchange = exchange
        self.progress = progress
        self.steps = steps
        self.passesAnAverage = passesAnAverage
        self.onError = onError
        let thread = Thread { [self] in serve() }
        thread.name = "exchange"
        thread.start()
    }

    /// Waits for the end.
    /// - Throws: what ended it early.
    func finish() throws {
        condition.lock()
        while outcome == nil { condition.wait() }
        let result = outcome
        condition.unlock()
        try result?.get()
    }

    /// What ended it early, if anything has so far.
    var failure: (any Error)? {
        condition.lock()
        defer { condition.unlock() }
        if case .failure(let error) = outcome { return error }
        return nil
    }

    private func serve() {
        let result = Result {
            for step in steps {
                let stops = try run(step)
                if stops, (step - steps.lowerBound + 1) % passesAnAverage == 0 { return }
            }
        }
        condition.lock()
        outcome = result
        condition.broadcast()
        condition.unlock()
        if case .failure(let error) = result { onError(error) }
    }

    /// One step; tells whether any rank asked to stop.
    private func run(_ step: Int) throws -> Bool {
        let bucketCount = exchange.plan.buckets.count
        for meeting in exchange.meetings.indices {
            try progress.waitUntilReady(meeting: meeting, step: step)
            try exchange.exchange(meeting: meeting, step: step)
            progress.publishExchanged(meeting: meeting, step: step)
        }
        for bucket in 0..<bucketCount {
            try progress.waitUntilReady(bucket: bucket, step: step)
            try named("bucket \(bucket)", step) { try exchange.exchange(bucket: bucket, step: step) }
            progress.publishExchanged(bucket: bucket, step: step)
        }
        try progress.waitUntilReady(bucket: bucketCount, step: step)
        try exchange.exchangeReports()
        if exchange.layout.scatters { try named("squares", step) { try exchange.exchangeSquares() } }
        let stopRequested = exchange.stopRequested
        progress.publishExchanged(bucket: bucketCount, step: step)
        if exchange.layout.scatters { try exchangeParameters(step) }
        return stopRequested
    }

    private func exchangeParameters(_ step: Int) throws {
        let bucketCount = exchange.plan.buckets.count
        for bucket in 0..<bucketCount {
            try progress.waitUntilReady(bucket: bucketCount + 1 + bucket, step: step)
            try named("parameters of bucket \(bucket)", step) {
                try exchange.exchangeParameters(bucket: bucket)
            }
            progress.publishExchanged(bucket: bucketCount + 1 + bucket, step: step)
        }
    }

    /// An exchange whose failure says what travelled.
    private func named(_ what: String, _ step: Int, _ body: () throws -> Void) throws {
        do {
            try body()
        } catch {
            var failure = LockstepError.wrapping(error).with(step: step)
            failure.collective = "\(failure.collective ?? "exchange") for \(what)"
            throw failure
        }
    }
}
