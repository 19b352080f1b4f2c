import Diagnostics
import Foundation
import Synchronization

/// Threads that fill a ring of micro-batches ahead of the reader, each a whole batch at a time; the reader gets them in
/// order.
///
/// The reader owns the batch that it took last until it takes the next; a thread owns the one that it fills. Whoever waits
/// sleeps, and is woken when there is something to do: threads only once half of the ring is free, since a thread that is
/// woken for every small batch costs more than the batch.
final class PrefetchRing: @unchecked Sendable {
    static let stoppedError = LockstepError(.internalError, "the loader was stopped")

    private let condition = NSCondition()
    private let slots: [MicroBatch]
    /// Written where `condition` is locked; read between samples without a lock.
    private let isStopping = Atomic(false)
    // Guarded by `condition`.
    private var cursor: ShardCursor
    /// The number of the batch that each slot holds, once it is filled.
    private var filled: [Int]
    private var begunCount = 0
    private var takenCount = 0
    private var idleThreads = 0
    private var runningThreads: Int
    private var readerWaits = false
    /// The first batch that could not be filled.
    private var failure: (number: Int, error: any Error)?

    /// - Parameters:
    ///   - depth: batches in the ring, one more than threads at least.
    ///   - threads: how many batches are filled at once.
    init(depth: Int, threads: Int, dataset: any Dataset, cursor: ShardCursor, capacity: Int) {
        let specs = dataset.fields
        slots = (0..<max(2, depth, threads + 1)).map { _ in MicroBatch(specs: specs, capacity: capacity) }
        filled = Array(repeating: -1, count: slots.count)
        self.cursor = cursor
        runningThreads = max(1, threads)
        for _ in 0..<runningThreads {
            let thread = Thread { [self] in fill(from: dataset) }
            thread.name = "lockstep.loader"
            thread.start()
        }
    }

    /// Waits for the next batch.
    /// - Throws: what decoding threw, once all batches before are taken.
    func take() throws -> MicroBatch {
        condition.lock()
        defer { condition.unlock() }
        guard !stops else { throw Self.stoppedError }
        // Asking for a batch gives the one taken before back.
        takenCount += 1
        if idleThreads > 0, freeCount >= slots.count / 2 { condition.broadcast() }
        let number = takenCount - 1
        let slot = number % slots.count
        while filled[slot] != number, failure.map({ $0.number > number }) ?? true, !stops {
            readerWaits = true
            condition.wait()
            readerWaits = false
        }
        if !stops, filled[slot] == number { return slots[slot] }
        takenCount -= 1
        throw stops ? Self.stoppedError : failure?.error ?? Self.stoppedError
    }

    /// Ends the threads and waits for their end.
    func stop() {
        condition.lock()
        isStopping.store(true, ordering: .relaxed)
        condition.broadcast()
        while runningThreads > 0 { condition.wait() }
        condition.unlock()
    }

    private var stops: Bool { isStopping.load(ordering: .relaxed) }

    /// Slots that neither the reader nor a thread has, and that hold nothing yet.
    private var freeCount: Int { slots.count - (begunCount - max(0, takenCount - 1)) }

    /// The life of a thread.
    private func fill(from dataset: any Dataset) {
        while let number = begin() {
            do {
                try slots[number % slots.count].decode(dataset) { stops }
                publish { filled[number % slots.count] = number }
            } catch {
                publish { if number < failure?.number ?? Int.max { failure = (number, error) } }
            }
        }
        condition.lock()
        runningThreads -= 1
        condition.broadcast()
        condition.unlock()
    }

    /// The number of the next batch, its place in the order noted in its slot; nil when there is nothing more to do.
    private func begin() -> Int? {
        condition.lock()
        defer { condition.unlock() }
        while freeCount <= 0, failure == nil, !stops {
            idleThreads += 1
            condition.wait()
            idleThreads -= 1
        }
        guard failure == nil, !stops else { return nil }
        let number = begunCount
        begunCount += 1
        _ = cursor.advance(into: CollectionOfOne(slots[number % slots.count]))
        return number
    }

    /// Changes what the reader may wait for.
    private func publish(_ change: () -> Void) {
        condition.lock()
        change()
        if readerWaits { condition.broadcast() }
        condition.unlock()
    }
}
