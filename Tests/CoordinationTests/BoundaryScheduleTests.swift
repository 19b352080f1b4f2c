import Coordination
import DataParallel
import Recipes
import Testing

/// Boundaries are a pure function of the recipe: the same on every rank and after every resume.
@Suite struct BoundaryScheduleTests {
    typealias Interval = CoordinatorPart.Interval

    private static func schedule(
        evaluate: Interval, checkpoint: Interval, epochs: Int? = 7, maxSteps: Int? = nil,
        stepsPerEpoch: Int = 13,
        stopAfter: Int? = nil, localSteps: Int = 1
    ) -> BoundarySchedule {
        let recipe = Recipe(
            name: "sample", task: .classification,
            data: DataPart(.table(TablePart(csv: CSVPart(label: .index(0)))), paths: ["/rows.csv"]),
            training: TrainingPart(
                epochs: epochs, maxSteps: maxSteps, exchange: ExchangePart(localSteps: localSteps)),
            coordinator: CoordinatorPart(evaluateEvery: evaluate, checkpointEvery: checkpoint))
        return BoundarySchedule(recipe, stepsPerEpoch: stepsPerEpoch, stopAfter: stopAfter)
    }

    /// All boundaries from a step on.
    private func boundaries(_ schedule: BoundarySchedule, from start: Int) -> [Int] {
        var steps: [Int] = []
        var step = start
        while step < schedule.lastStep {
            let next = schedule.next(after: step)
            guard next > step, next <= schedule.lastStep else {
                Issue.record("after step \(step) comes \(next)")
                return steps
            }
            steps.append(next)
            step = next
        }
        return steps
    }

    static let intervals: [Interval] = [
        .steps(1), .steps(5), .steps(13), .steps(1000), .epochs(1), .epochs(3),
    ]

    @Test(arguments: intervals, intervals)
    func sameFromEveryStep(_ evaluate: Interval, _ checkpoint: Interval) {
        for stop in [nil, 1, 37, 40, 91, 500] {
            let schedule = Self.schedule(evaluate: evaluate, checkpoint: checkpoint, stopAfter: stop)
            let all = boundaries(schedule, from: 0)
            #expect(all.last == schedule.lastStep)
            for start in 0..<schedule.lastStep {
                #expect(boundaries(schedule, from: start) == all.filter { $0 > start })
            }
        }
    }

    /// Nodes that take steps by themselves are alike only after every so many, and at the end.
    @Test(arguments: intervals, [2, 5, 8])
    func boundariesAreWhereNodesAverage(_ interval: Interval, _ count: Int) {
        for stop in [nil, 1, 37, 40, 90, 91, 500] {
            let schedule = Self.schedule(
                evaluate: interval, checkpoint: .steps(7), stopAfter: stop, localSteps: count)
            for step in boundaries(schedule, from: 0) {
                #expect(step % count == 0 || step == schedule.totalSteps)
            }
            #expect(
                schedule.lastStep >= min(stop ?? 91, 91) && schedule.lastStep < min(stop ?? 91, 91) + count)
        }
    }

    /// A step is a boundary exactly where its kind says that something happens.
    @Test(arguments: intervals, intervals)
    func kindAgreesWithNext(_ evaluate: Interval, _ checkpoint: Interval) {
        for stop in [nil, 40] {
            let schedule = Self.schedule(evaluate: evaluate, checkpoint: checkpoint, stopAfter: stop)
            let steps = Set(boundaries(schedule, from: 0))
            for step in 1...schedule.lastStep {
                #expect(steps.contains(step) == !schedule.kind(at: step).isEmpty, "step \(step)")
                #expect(!schedule.kind(at: step).contains(.preempted))
            }
        }
    }

    @Test func kindsOfAnExample() {
        let schedule = Self.schedule(evaluate: .epochs(1), checkpoint: .steps(20))
        #expect(schedule.totalSteps == 91 && schedule.lastStep == 91)
        #expect(boundaries(schedule, from: 0) == [13, 20, 26, 39, 40, 52, 60, 65, 78, 80, 91])
        #expect(schedule.kind(at: 13) == .evaluation)
        #expect(schedule.kind(at: 20) == .checkpoint)
        #expect(schedule.kind(at: 14) == [])
        #expect(schedule.kind(at: 91) == [.evaluation, .checkpoint, .last])
    }

    /// `--max-steps` ends a launch with a checkpoint and adds no evaluation: a run that never stopped had none there.
    @Test func stopAfterAddsACheckpointOnly() {
        let stopped = Self.schedule(evaluate: .epochs(1), checkpoint: .epochs(2), stopAfter: 37)
        #expect(stopped.totalSteps == 91 && stopped.lastStep == 37)
        #expect(stopped.kind(at: 37) == [.checkpoint, .last])
        let onBoundary = Self.schedule(evaluate: .epochs(1), checkpoint: .epochs(2), stopAfter: 39)
        #expect(onBoundary.kind(at: 39) == [.evaluation, .checkpoint, .last])
        let whole = Self.schedule(evaluate: .epochs(1), checkpoint: .epochs(2))
        for step in 1..<37 { #expect(stopped.kind(at: step) == whole.kind(at: step)) }
    }

    @Test func theShorterOfEpochsAndStepsEndsARun() {
        #expect(Self.schedule(evaluate: .epochs(1), checkpoint: .epochs(1), maxSteps: 20).totalSteps == 20)
        #expect(Self.schedule(evaluate: .epochs(1), checkpoint: .epochs(1), maxSteps: 2000).totalSteps == 91)
        let last = Self.schedule(evaluate: .steps(50), checkpoint: .steps(50), maxSteps: 20)
        #expect(
            last.kind(at: 20) == [.evaluation, .checkpoint, .last],
            "the end is evaluated, whatever the interval")
    }

    /// Counts that leave the integers must not trap.
    @Test func hugeCounts() {
        let schedule = Self.schedule(
            evaluate: .epochs(1_000_000_000), checkpoint: .epochs(1_000_000_000), epochs: 1_000_000_000,
            stepsPerEpoch: Int.max / 1000)
        #expect(schedule.totalSteps == Int.max)
        #expect(schedule.next(after: 5) > 5)
        #expect(schedule.next(after: Int.max / 2) > Int.max / 2)
    }
}
