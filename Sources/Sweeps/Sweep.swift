import Collectives
import Diagnostics
import Foundation
import Reports
import Supervision
import Training

/// Trains a recipe with different settings and finds the best by the validation split: `lockstep sweep`.
///
/// With halving, all trials train for a short while, the best third of them three times as long, and so on until one has
/// trained to the end (successive halving: Jamieson and Talwalkar 2016).
public struct Sweep {
    /// A trial and what came of it.
    public struct Row: Sendable {
        /// The trial's number, from 1.
        public var number: Int
        /// What differs from the recipe, as `key=value`.
        public var settings: [String]
        /// The steps that it trained.
        public var steps: Int
        /// Its metric on the validation split; nil where it failed.
        public var value: Double?
        /// Seconds that it trained.
        public var seconds: Double
        /// Why it failed.
        public var failure: String?
        /// Its run's folder.
        public var folder: String
    }

    /// What was swept.
    public let options: SweepOptions
    /// The metric that decided.
    public let metric: String
    /// All trials: those that trained longer first, then by their metric.
    public let rows: [Row]
    /// Whether every trial that had to has come to its end.
    public let isFinished: Bool

    /// Runs a sweep, or goes on with one that is in the folder. Collective: every rank trains its share of the trials.
    /// - Parameter report: told of every finished stretch of a trial, on the rank that trained it.
    /// - Throws: `LockstepError` for a recipe or settings that cannot be, or where the folder holds another sweep (78).
    public init(
        _ options: SweepOptions, communicator: any Communicator, report: @escaping @Sendable (String) -> Void
    ) throws {
        let plan = try Agreement.reach(communicator) {
            let plan = try SweepPlan(options) { try PlannedSteps.of($0) }
            if communicator.rank == 0 { try Self.claim(options.output, plan) }
            return plan
        }
        let cores = CPUBudget.current().lanes(localReplicas: communicator.topology.localSize)
        let runner = TrialRunner(
            options: options, plan: plan, parallel: options.parallel ?? max(1, cores / options.lanes),
            report: { report(Self.line($0, plan, folder: options.output)) })
        var alive = plan.trials
        var isComplete = true
        for rung in 0..<plan.rungCount where isComplete {
            let own = alive.enumerated().filter {
                $0.offset % communicator.worldSize == communicator.rank
            }.map(\.element)
            let ended = try Agreement.reach(communicator) { try runner.run(own, rung: rung) }
            isComplete = try communicator.allreduce(ended ? 1 : 0, .min) == 1
            // Rank 0 may not see the others' files at once, or at all: each sends what it knows.
            let records = try Self.exchange(own, options.output, communicator)
            if communicator.rank == 0 { try Self.save(plan, options, records) }
            if rung + 1 < plan.rungCount { alive = Self.survivors(alive, records, plan) }
        }
        self.options = options
        metric = plan.metric
        isFinished = isComplete
        rows = try communicator.rank == 0 ? Self.rows(plan, options) : []
    }

    /// The trials of a rung that go on: the best of those that did not fail, the lower number where they are equal.
    private static func survivors(
        _ trials: [SweepPlan.Trial], _ records: [Int: TrialRecord], _ plan: SweepPlan
    ) -> [SweepPlan.Trial] {
        let good = trials.filter { records[$0.number]?.value != nil }
        let sorted = good.sorted { one, other in
            let (left, right) = (records[one.number]?.value, records[other.number]?.value)
            if SweepMetric.isBetter(plan.metric, left, than: right) { return true }
            return !SweepMetric.isBetter(plan.metric, right, than: left) && one.number < other.number
        }
        return Array(sorted.prefix(plan.survivorCount(of: trials.count)))
    }

    private static func exchange(
        _ own: [SweepPlan.Trial], _ folder: String, _ communicator: any Communicator
    ) throws -> [Int: TrialRecord] {
        let bytes = try JSONEncoder().encode(try own.map { try TrialRecord.read(folder, $0) })
        let all = try communicator.allgather(Array(bytes)).flatMap {
            try JSONDecoder().decode([TrialRecord].self, from: Data($0))
        }
        return Dictionary(uniqueKeysWithValues: all.map { ($0.number, $0) })
    }

    /// `trial 3: training.optimizer.rate=0.003, step 300, accuracy 0.9123`
    private static func line(_ record: TrialRecord, _ plan: SweepPlan, folder: String) -> String {
        let head = "trial \(record.number) of \(plan.trials.count): " + record.settings.joined(separator: " ")
        if let failure = record.failure { return head + ": failed, " + failure }
        guard let rung = record.rungs.last else { return head }
        return head + ": \(plan.metric) \(rung.value.map { String(format: "%.4f", $0) } ?? "–")"
            + " after step \(rung.step) (\(String(format: "%.1f", rung.seconds)) s)"
    }
}

extension Sweep {
    /// What sweep.json holds: the sweep, and its trials as far as they have come.
    private struct Document: Codable {
        struct Trial: Codable {
            var number: Int
            var settings: [String]
            var folder: String
            var steps: Int
            var value: Double?
            var seconds: Double
            var failure: String?
        }
        var identity: [String: String]
        var metric: String
        var best: Int?
        var trials: [Trial]
    }

    private static func path(_ folder: String) -> String { folder + "/sweep.json" }

    /// Makes the folder, or checks that the sweep in it is this one.
    private static func claim(_ folder: String, _ plan: SweepPlan) throws {
        let path = path(folder)
        guard FileManager.default.fileExists(atPath: path) else {
            do {
                try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            } catch {
                throw LockstepError(
                    .cannotCreate, "cannot make the sweep's folder", at: FileLocation(folder), cause: error)
            }
            return try SweepFiles.write(
                Document(identity: plan.identity, metric: plan.metric, trials: []), to: path)
        }
        let saved: Document
        do {
            saved = try JSONDecoder().decode(
                Document.self, from: Data(contentsOf: URL(fileURLWithPath: path)))
        } catch {
            throw LockstepError(
                .badData, "the sweep in this folder cannot be read", at: FileLocation(path),
                remedy: "choose another --output", cause: error)
        }
        let changed = plan.identity.keys.sorted().filter { saved.identity[$0] != plan.identity[$0] }
        guard changed.isEmpty else {
            throw LockstepError(
                .mismatch,
                "the sweep in this folder is another one: \(changed.joined(separator: ", ")) differ",
                at: FileLocation(path),
                remedy: "choose another --output, or start it with the same recipe and options to go on")
        }
    }

    private static func save(
        _ plan: SweepPlan, _ options: SweepOptions, _ records: [Int: TrialRecord]
    ) throws {
        for record in records.values { try record.write(options.output) }
        let rows = try rows(plan, options)
        try SweepFiles.write(
            Document(
                identity: plan.identity, metric: plan.metric,
                best: rows.first.flatMap { $0.value == nil ? nil : $0.number },
                trials: rows.map {
                    Document.Trial(
                        number: $0.number, settings: $0.settings, folder: $0.folder, steps: $0.steps,
                        value: $0.value, seconds: $0.seconds, failure: $0.failure)
                }), to: path(options.output))
    }

    private static func rows(_ plan: SweepPlan, _ options: SweepOptions) throws -> [Row] {
        var rungs: [Int: Int] = [:]
        let rows = try plan.trials.map { trial in
            let record = try TrialRecord.read(options.output, trial)
            rungs[trial.number] = record.rungs.count
            return Row(
                number: trial.number, settings: trial.settings, steps: record.rungs.last?.step ?? 0,
                value: record.value, seconds: record.rungs.reduce(0) { $0 + $1.seconds },
                failure: record.failure, folder: TrialRecord.run(options.output, trial.number))
        }
        return rows.sorted { one, other in
            let (left, right) = (rungs[one.number] ?? 0, rungs[other.number] ?? 0)
            if (one.value == nil) != (other.value == nil) { return other.value == nil }
            if left != right { return left > right }
            if SweepMetric.isBetter(plan.metric, one.value, than: other.value) { return true }
            return !SweepMetric.isBetter(plan.metric, other.value, than: one.value)
                && one.number < other.number
        }
    }

    /// The trials as a table, the best first, and how to go on.
    public var text: String {
        let keys = options.axes.map(\.key)
        var table = TextTable(
            [("trial", .right)] + keys.map { ($0, .left) }
                + [("steps", .right), (metric, .right), ("seconds", .right), ("", .left)])
        for row in rows {
            let values = row.settings.map { String($0.drop { $0 != "=" }.dropFirst()) }
            table.add(
                [String(row.number)] + values + [
                    String(row.steps), row.value.map { String(format: "%.4f", $0) } ?? "–",
                    String(format: "%.1f", row.seconds), row.failure ?? "",
                ])
        }
        guard let best = rows.first, best.value != nil, isFinished else { return table.text }
        let settings = (options.overrides + best.settings).map { " --set '\($0)'" }.joined()
        return table.text + """

            best: trial \(best.number), chosen by \(metric) on the validation split
              lockstep evaluate \(best.folder)
              lockstep train \(options.recipePath)\(settings) --output runs/best

            """
    }

    /// sweep.json's text.
    public func json() throws -> [UInt8] {
        Array(try Data(contentsOf: URL(fileURLWithPath: Self.path(options.output))))
    }
}
