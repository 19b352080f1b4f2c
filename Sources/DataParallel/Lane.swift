import CKernels
import Collectives
import Diagnostics
import Execution

/// One thread of a replica: its own programs, gradient buffers and slices. After warm-up a step allocates nothing.
final class Lane {
    /// What outlives a call of ``run(until:)``: the same numbers on every lane.
    struct Progress {
        /// Steps done.
        var step: Int
        /// Updates applied: steps that were not skipped.
        var updates: Int
        /// Skipped steps in a row.
        var skippedInRow = 0
    }

    /// What programs differ in.
    private struct Size: Hashable {
        var sampleCount: Int
        var length: Int?
    }

    private let shared: ReplicaShared
    private let number: Int
    private let stack: ShardStack
    private let reducer: GradientReducer
    private let optimizer: ShardedOptimizer
    private let barrier: NodeBarrier
    private let source: any MicroBatchSource
    private let exchange: ExchangeProgress?
    /// Where nodes take steps by themselves.
    private let local: LocalSteps?
    /// Where every node updates a share of the parameters.
    private let shares: ParameterShares?
    /// Where programs meet; `nil` without synchronized statistics.
    private let meeting: LaneMeeting?
    private var programs: [Size: (program: Program, completions: [Int])] = [:]
    /// Programs run one after the other: their activations share memory.
    private let activations = ActivationArena()
    /// The last verdict, for the caller.
    private(set) var verdict: StepVerdict?
    private(set) var progress: Progress
    /// The times of all ranks, on a replica's first lane.
    let rankTimes: RankTimes?
    private var clock: LaneClock
    /// The steps that were done when the nodes' parameters were compared last.
    private var verifiedStep: Int?
    /// Whether the nodes were made alike in the last step.
    private var isAveraged = false

    /// Prepares a lane; call on the thread that will run it.
    /// - Parameter number: the lane's number within its node.
    init(_ shared: ReplicaShared, number: Int, progress: Progress) throws {
        self.shared = shared
        self.number = number
        self.progress = progress
        let map = shared.map
        let isFirstOfRank = map.nodeLanes.lowerBound + number == map.ownLanes.lowerBound
        rankTimes = isFirstOfRank && map.replicaCount > 1 ? RankTimes(map) : nil
        clock = LaneClock(runs: map.replicaCount > 1)
        stack = shared.stacks[number]
        barrier = try shared.barrier(lane: number)
        let nodes = shared.exchangeProgress()
        exchange = shared.isLocal ? nil : nodes
        let barrier = self.barrier
        local =
            shared.isLocal
            ? nodes.map { LocalSteps(shared, lane: number, barrier: barrier, progress: $0) } : nil
        reducer = GradientReducer(shared, lane: number, progress: exchange)
        shares = ParameterShares(shared, lane: number, progress: exchange)
        optimizer = try ShardedOptimizer(
            shared.configuration.update, layout: shared.layout, share: shared.share, lane: number,
            memory: shared.memory, gradient: reducer.result)
        let shards = map.shards(ofLane: map.nodeLanes.lowerBound + number)
        meeting =
            shared.meetings.isEmpty
            ? nil
            : LaneMeeting(
                shared, lane: number, shard: shards.lowerBound, barrier: barrier, exchange: exchange)
        source = try shared.configuration.makeSource(shards, progress.step)
    }

    /// Runs steps until so many are done, or until all are asked to stop.
    /// - Parameter observe: sees each verdict.
    func run(until end: Int, observe: ((StepVerdict) -> Void)?) throws {
        while progress.step < end {
            let verdict = try step(end: end)
            observe?(verdict)
            if verdict.stopRequested { return }
        }
    }

    private func step(end: Int) throws -> StepVerdict {
        clock.beginStep()
        isAveraged = false
        for (place, turn) in stack.turns.enumerated() {
            try compute(turn, isLast: place == stack.turns.count - 1)
        }
        // With several nodes, the exchange waits for the lanes instead.
        if exchange == nil {
            try meet("gradients of all lanes")
            try reducer.reduce(step: progress.step)
        } else {
            // Nearly all of it is waiting for other nodes; the sum itself is short.
            let begin = clock.now
            try reducer.reduce(step: progress.step)
            clock.waited(since: begin)
        }
        try meet("sum of gradients")
        if local == nil { rankTimes?.note(shared.memory.reports) }
        var verdict = self.verdict(of: local?.shards)
        try update(verdict)
        if let shares {
            let begin = clock.now
            try shares.take(step: progress.step)
            clock.waited(since: begin)
        }
        try meet("updated parameters")
        if let local { try average(local, &verdict, end: end) }
        clock.endStep()
        progress.step += 1
        self.verdict = verdict
        if isDigestDue { try verifyParameters() }
        return verdict
    }

    private func verdict(of shards: Range<Int>?) -> StepVerdict {
        StepVerdict(
            step: progress.step, memory: shared.memory, tree: shared.tree, chunkTree: shared.chunkTree,
            shards: shards ?? 0..<shared.map.logicalShards)
    }

    /// Makes the nodes alike after some of their own steps; who asked to stop is known to all only then.
    private func average(_ local: LocalSteps, _ verdict: inout StepVerdict, end: Int) throws {
        let count = shared.configuration.localSteps
        guard LocalSteps.averages(after: progress.step, every: count, end: end) else {
            verdict.stopRequested = false
            return
        }
        let begin = clock.now
        progress.updates = try local.average(updates: progress.updates)
        clock.waited(since: begin)
        rankTimes?.note(shared.memory.reports)
        verdict = self.verdict(of: nil)
        isAveraged = true
        // The next step overwrites the reports, which others may still read.
        try meet("verdict after an average")
    }

    /// Passes of the exchange so far, where nodes average.
    var passes: Int { local?.passes ?? 0 }

    /// Whether the nodes' parameters are to be compared after this step; between two averages they differ by design.
    private var isDigestDue: Bool {
        let every = shared.configuration.digestEvery
        guard local != nil else { return progress.step % every == 0 }
        return isAveraged && progress.step - (verifiedStep ?? 0) >= every
    }

    /// Waits for all lanes of the node.
    private func meet(_ operation: StaticString) throws {
        let begin = clock.now
        try barrier.wait(operation, byteCount: byteCount)
        clock.waited(since: begin)
    }

    /// Compares the parameters of all nodes, once a step at most. Collective: every lane.
    func verifyParameters() throws {
        guard let digest = shared.digest, verifiedStep != progress.step else { return }
        try digest.verify(lane: number, step: progress.step, barrier: barrier)
        verifiedStep = progress.step
    }

    /// The size of an arena, as errors name it.
    private var byteCount: Int { shared.memory.elementCount * MemoryLayout<Float>.size }

    /// Forward and backward of one logical shard, and the additions of the tree that it completes.
    /// - Parameter isLast: whether it completes the lane's sums, which may travel as soon as they are there.
    private func compute(_ turn: ShardStack.Turn, isLast: Bool) throws {
        let memory = shared.memory
        let buffer = memory.gradients(lane: number, buffer: turn.buffer)
        let batch = try source.next(step: progress.step, shard: turn.shard)
        var report = ShardReport(
            lossSum: 0, termCount: 0, stopRequests: shared.configuration.stopRequested() ? 1 : 0)
        var isMerged = false
        meeting?.begin(step: progress.step)
        if batch.sampleCount == 0 {
            buffer.update(repeating: 0, count: memory.elementCount)
            try meeting?.attendWithoutSamples()
        } else {
            let (program, completions) = try program(
                Size(sampleCount: batch.sampleCount, length: batch.length))
            program.bind(
                parameters: memory.parameters, gradients: buffer,
                narrowParameters: memory.narrowParameters.map { UnsafePointer($0) }, fields: batch.fields,
                seed: shared.configuration.seed, step: UInt64(progress.step), firstSample: batch.firstPosition
            )
            // Meetings and buckets would wait for each other on the one thread that exchanges both.
            if isLast, let exchange, shared.configuration.overlapsExchange, meeting == nil {
                try program.run(stoppingAfter: completions) { bucket in
                    merge(turn, shared.plan.buckets[bucket])
                    exchange.publishReady(lane: number, bucket: bucket, step: progress.step)
                    // So that no more than two buckets of gradients take memory.
                    if bucket > 0, shared.exchange?.releasesGradients == true {
                        let begin = clock.now
                        try exchange.waitUntilExchanged(bucket: bucket - 1, step: progress.step)
                        clock.waited(since: begin)
                    }
                }
                isMerged = true
            } else {
                try program.run()
            }
            report.lossSum = Double(program.lossSum)
            report.termCount = Double(program.lossTermCount)
        }
        if turn.shard == stack.turns.first?.shard { reportTimes(in: &report) }
        clock.termCount += report.termCount
        memory.reports[turn.shard] = report
        if !isMerged { merge(turn, 0..<memory.elementCount) }
        if isLast, let exchange {
            // Where nodes update shares, the reports wait for the squares: see GradientReducer.
            let bucketCount = shared.plan.buckets.count
            exchange.publishReady(
                lane: number, bucket: shared.share.isPartial ? bucketCount - 1 : bucketCount,
                step: progress.step)
        }
    }

    /// The times of the last step: they travel with this one's reports.
    private func reportTimes(in report: inout ShardReport) {
        report.stepSeconds = clock.last.step
        report.waitSeconds = clock.last.wait
        report.lastTermCount = clock.last.termCount
        guard rankTimes != nil else { return }
        let sent = shared.communicator.sentByteCount
        report.sentBytes = Double(sent - clock.sentByteCount)
        clock.sentByteCount = sent
    }

    /// The additions of the tree that a shard completes, for some elements.
    private func merge(_ turn: ShardStack.Turn, _ range: Range<Int>) {
        for merge in 0..<turn.merges {
            let top = shared.memory.gradients(lane: number, buffer: turn.buffer - merge) + range.lowerBound
            let below =
                shared.memory.gradients(lane: number, buffer: turn.buffer - merge - 1) + range.lowerBound
            lk_add(below, LK_FLOAT32, top, LK_FLOAT32, below, LK_FLOAT32, range.count)
        }
    }

    private func update(_ verdict: StepVerdict) throws {
        let begin = clock.now
        try shared.gate.waitUntilCopied()
        clock.waited(since: begin)
        guard verdict.isFinite else { return try skip(verdict) }
        progress.skippedInRow = 0
        guard verdict.termCount > 0 else { return }
        progress.updates += 1
        optimizer.update(
            step: verdict.step, time: progress.updates,
            scale: verdict.scale(clipNorm: shared.configuration.update.clipNorm),
            meanScale: verdict.meanScale)
    }

    /// A step with non-finite numbers changes nothing; several in a row end the run.
    private func skip(_ verdict: StepVerdict) throws {
        progress.skippedInRow += 1
        guard progress.skippedInRow >= shared.configuration.update.maxNonFiniteSteps else { return }
        let memory = shared.memory
        let shard = (0..<memory.shardCount).first { !memory.reports[$0].lossSum.isFinite }
        let place =
            shard.map { " (logical shard \($0), computed by rank \(shared.map.rank(ofShard: $0)))" } ?? ""
        throw LockstepError(
            .numericFailure,
            "\(progress.skippedInRow) steps in a row had a non-finite loss or gradient: loss \(verdict.loss)\(place), "
                + "gradient norm \(verdict.gradientNorm)",
            remedy:
                "lower training.optimizer.rate, set training.clipNorm, or look for bad values in the data",
            step: verdict.step)
    }

    /// The program for a size of micro-batch, planned at its first use, and how much of it completes each bucket.
    private func program(_ size: Size) throws -> (program: Program, completions: [Int]) {
        if let known = programs[size] { return known }
        let plan = try Plan(
            try shared.configuration.trainingTrace(size.sampleCount, length: size.length),
            layout: shared.layout,
            precision: shared.configuration.precision, keepsPredictions: false)
        try meeting?.check(plan)
        let prepared = (
            program: try Program(plan, arena: activations),
            completions: plan.completions(of: shared.plan.buckets)
        )
        prepared.program.join(meeting)
        programs[size] = prepared
        return prepared
    }

    /// Times of the operations of the program of the largest micro-batch seen, for profiles.
    func timings(runs: Int, alone: Bool) throws -> [OperationTiming] {
        let largest = programs.max {
            ($0.key.length ?? 0, $0.key.sampleCount) < ($1.key.length ?? 0, $1.key.sampleCount)
        }
        guard let program = largest?.value.program else { return [] }
        return try program.timings(runs: runs, alone: alone)
    }
}
