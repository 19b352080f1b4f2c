import Diagnostics
import Foundation

/// A thread that fills a ring of micro-batches ahead of the reader.
///
/// The reader owns the batch that it took last until it takes the next; the thread owns the free ones.
final class PrefetchRing: @unchecked Sendable {
    static let stoppedError = LockstepError(.internalError, "the loader was stopped")

    private let condition = NSCondition()
    private let slots: [MicroBatch]
    // Guarded by `condition`.
    private var filledCount = 0
    private var takenCount = 0
    private var isStopping = false
    private var hasEnded = false
    private var failure: (any Error)?

    init(depth: Int, dataset: any Dataset, cursor: ShardCursor, capacity: Int) {
        let specs = dataset.fields
        slots = (0..<max(2, depth)).map { _ in MicroBatch(specs: specs, capacity: capacity) }
        let thread = Thread { [self] in fill(from: dataset, cursor) }
        thread.name = "lockstep.loader"
        thread.start()
    }

    /// Waits for the next batch.
    /// - Throws: what decoding threw, once all batches before are taken.
    func take() throws -> MicroBatch {
        condition.lock()
        defer { condition.unlock() }
        guard !isStopping else { throw Self.stoppedError }
        // Asking for a batch gives the one taken before back: wake the thread before waiting.
        takenCount += 1
        condition.broadcast()
        while filledCount < takenCount, failure == nil, !isStopping { condition.wait() }
        if !isStopping, filledCount >= takenCount { return slots[(takenCount - 1) % slots.count] }
        takenCount -= 1
        throw failure ?? Self.stoppedError
    }

    /// Ends the thread and waits for its end.
    func stop() {
        condition.lock()
        isStopping = true
        condition.broadcast()
        while !hasEnded { condition.wait() }
        condition.unlock()
    }

    private func fill(from dataset: any Dataset, _ start: ShardCursor) {
        var cursor = start
        var caught: (any Error)?
        do {
            while let slot = waitForFreeSlot() {
                cursor.advance(into: slot)
                try slot.decode(dataset) { stopsNow() }
                publish()
            }
        } catch {
            caught = error
        }
        condition.lock()
        failure = caught
        hasEnded = true
        condition.broadcast()
        condition.unlock()
    }

    /// A slot that the reader does not hold, or nil when stopping.
    private func waitForFreeSlot() -> MicroBatch? {
        condition.lock()
        defer { condition.unlock() }
        while filledCount - max(0, takenCount - 1) >= slots.count, !isStopping { condition.wait() }
        return isStopping ? nil : slots[filledCount % slots.count]
    }

    private func publish() {
        condition.lock()
        filledCount += 1
        condition.broadcast()
        condition.unlock()
    }

    private func stopsNow() -> Bool {
        condition.lock()
        defer { condition.unlock() }
        return isStopping
    }
}
