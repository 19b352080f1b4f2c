import NeuralNetworks
import Testing

@Suite struct RateScheduleTests {
    private func factors(_ schedule: RateSchedule, _ steps: [Int]) -> [Double] {
        steps.map(schedule.factor)
    }

    private func isClose(_ left: [Double], _ right: [Double]) -> Bool {
        left.count == right.count && zip(left, right).allSatisfy { abs($0 - $1) < 1e-12 }
    }

    @Test func constant() {
        #expect(factors(RateSchedule(), [0, 1, 1_000_000]) == [1, 1, 1])
    }

    @Test func step() {
        let schedule = RateSchedule(.step(every: 10, factor: 0.5))
        #expect(factors(schedule, [0, 9, 10, 19, 20, 35]) == [1, 1, 0.5, 0.5, 0.25, 0.125])
    }

    @Test func exponential() {
        let schedule = RateSchedule(.exponential(every: 10, factor: 0.25))
        #expect(isClose(factors(schedule, [0, 5, 10, 20]), [1, 0.5, 0.25, 0.0625]))
    }

    @Test func cosine() {
        let schedule = RateSchedule(.cosine(steps: 100, minimum: 0.1))
        #expect(isClose(factors(schedule, [0, 50, 100, 150]), [1, 0.55, 0.1, 0.1]))
        #expect((0..<100).allSatisfy { schedule.factor(step: $0) > schedule.factor(step: $0 + 1) })
    }

    @Test func inverseSquareRoot() {
        let schedule = RateSchedule(.inverseSquareRoot, warmupSteps: 100)
        #expect(isClose(factors(schedule, [0, 99, 399, 899]), [0.01, 1, 0.5, 1.0 / 3]))
    }

    @Test func warmUpClimbsInALineAndThenTheCourseStarts() {
        let line = RateSchedule(.constant, warmupSteps: 4)
        #expect(factors(line, [0, 1, 2, 3, 4, 5]) == [0.25, 0.5, 0.75, 1, 1, 1])
        let step = RateSchedule(.step(every: 2, factor: 0.5), warmupSteps: 4)
        #expect(factors(step, [3, 4, 5, 6, 7, 8]) == [1, 1, 1, 0.5, 0.5, 0.25])
        // The cosine's steps include the warm-up, so that it ends with the run.
        let cosine = RateSchedule(.cosine(steps: 100, minimum: 0), warmupSteps: 20)
        #expect(isClose(factors(cosine, [19, 20, 60, 100]), [1, 1, 0.5, 0]))
    }

    @Test func degenerateSettingsDoNotTrap() {
        for course in [
            RateSchedule.Course.step(every: 0, factor: 0.5), .exponential(every: 0, factor: 0.5),
            .cosine(steps: 0, minimum: 0.5),
        ] {
            for warmup in [0, 7] {
                let schedule = RateSchedule(course, warmupSteps: warmup)
                #expect([0, 1, 6, 7, 8, 1000].allSatisfy { schedule.factor(step: $0).isFinite })
            }
        }
    }
}
