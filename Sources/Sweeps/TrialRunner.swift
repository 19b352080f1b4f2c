import Checkpoints
import Diagnostics
import Foundation
import Supervision
import Training

/// Trains trials as processes of their own, several at once: a trial that fails or crashes takes nothing else with it.
struct TrialRunner: Sendable {
    let options: SweepOptions
    let plan: SweepPlan
    let parallel: Int
    /// Told of every finished stretch of a trial.
    let report: @Sendable (TrialRecord) -> Void

    /// Trains trials up to the end of a rung. Those that are there already are left alone.
    /// - Returns: whether all ended, and not because somebody asked to stop.
    func run(_ trials: [SweepPlan.Trial], rung: Int) throws -> Bool {
        let queue = Queue(trials)
        DispatchQueue.concurrentPerform(iterations: max(1, min(parallel, trials.count))) { _ in
            while !RunSignals.stopRequested, let trial = queue.next() {
                do { try train(trial, rung: rung) } catch { queue.fail(error) }
            }
        }
        if let error = queue.failure { throw error }
        return !RunSignals.stopRequested
    }

    private final class Queue: @unchecked Sendable {
        private let lock = NSLock()
        private var rest: ArraySlice<SweepPlan.Trial>
        private var error: (any Error)?

        init(_ trials: [SweepPlan.Trial]) { rest = trials[...] }
        func next() -> SweepPlan.Trial? { lock.withLock { error == nil ? rest.popFirst() : nil } }
        func fail(_ failure: any Error) { lock.withLock { error = error ?? failure } }
        var failure: (any Error)? { lock.withLock { error } }
    }

    private func train(_ trial: SweepPlan.Trial, rung: Int) throws {
        var record = try TrialRecord.read(options.output, trial)
        guard record.failure == nil, record.rungs.count <= rung else { return }
        let start = ContinuousClock.now
        let log = TrialRecord.log(options.output, trial.number)
        let child = try ChildProcess(words(trial, rung: rung), environment: environment, outputPath: log)
        let code = wait(child)
        if code == ExitCode.preempted.rawValue { return }
        if code == 0 {
            let value = try validate(trial)
            let parts = (ContinuousClock.now - start).components
            record.rungs.append(
                TrialRecord.Rung(
                    step: Self.step(trial, options.output) ?? plan.lastStep(trial, rung: rung),
                    value: value.isFinite ? value : nil,
                    seconds: Double(parts.seconds) + (Double(parts.attoseconds) * 1e-15).rounded() / 1000))
            if !value.isFinite { record.failure = "\(plan.metric) is not a number" }
        } else {
            record.failure = "exit code \(code): " + Self.lastLine(log)
        }
        try record.write(options.output)
        report(record)
    }

    private func words(_ trial: SweepPlan.Trial, rung: Int) -> [String] {
        let folder = TrialRecord.run(options.output, trial.number)
        var words = [options.program, "train", options.recipePath, "--output", folder, "--json"]
        words += ["--lanes", String(options.lanes)]
        let settings = options.overrides + trial.settings + ["coordinator.evaluationSplit=validation"]
        words += settings.flatMap { ["--set", $0] }
        if rung + 1 < plan.rungCount { words += ["--max-steps", String(plan.lastStep(trial, rung: rung))] }
        if RunFolder(path: folder).holdsRun { words.append("--resume") }
        // The kernel ends a trial with the sweep, also where that is killed.
        return ["/usr/bin/env", "setpriv", "--pdeathsig", "KILL"] + words
    }

    /// A trial is a run of its own: it must not take itself for a rank of the job that the sweep may be.
    private var environment: [String: String] {
        ProcessInfo.processInfo.environment.filter { name, _ in
            !["OMPI_COMM_", "OMPI_UNIVERSE", "OMPI_FILE", "OMPI_MCA_orte", "OMPI_MCA_ess", "PMIX_", "PMI_"]
                .contains { name.hasPrefix($0) } && name != "LOCKSTEP_TIMEOUT"
        }
    }

    /// Waits for a trial's end, passing requests to stop on.
    private func wait(_ child: ChildProcess) -> Int32 {
        var hasAsked = false
        while true {
            if let status = child.poll() {
                let signal = status & 0x7F
                return signal == 0 ? (status >> 8) & 0xFF : 128 + signal
            }
            if RunSignals.stopRequested, !hasAsked {
                hasAsked = true
                child.send(SIGUSR1)
            }
            usleep(5_000)
        }
    }

    /// The metric of a trial's best checkpoint, or its last, on the validation split.
    private func validate(_ trial: SweepPlan.Trial) throws -> Double {
        let evaluation = try RunEvaluation(TrialRecord.run(options.output, trial.number)) { _ in }
        let values = try evaluation.evaluate(split: "validation")?.report.result.values ?? [:]
        guard let value = values[plan.metric] else {
            throw LockstepError(
                .usage, "the metric '\(plan.metric)' is not measured in this task",
                remedy: Suggestions.remedy(for: plan.metric, among: values.keys.sorted()))
        }
        return value
    }

    /// The step that a trial has come to: early stopping may have ended it sooner than planned.
    private static func step(_ trial: SweepPlan.Trial, _ folder: String) -> Int? {
        struct Facts: Decodable { var step: Int }
        let path = RunFolder(path: TrialRecord.run(folder, trial.number)).runFile
        guard let bytes = FileManager.default.contents(atPath: path) else { return nil }
        return try? JSONDecoder().decode(Facts.self, from: bytes).step
    }

    private static func lastLine(_ path: String) -> String {
        let text = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
        let line = text.split(separator: "\n").last { $0.hasPrefix("lockstep:") }
        return line.map { String($0.prefix(300)) } ?? "see \(path)"
    }
}
