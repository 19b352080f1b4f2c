import Coordination
import DataParallel
import Diagnostics
import Foundation
import Metrics

/// The life of a rank that trains: spans of steps, and what happens at the boundaries between them. On rank 0 it drives
/// the colocated coordinator as well.
struct ReplicaLoop {
    let job: Job
    let shared: ReplicaShared
    let replica: Replica
    /// The share of evaluations of this rank; nil with a dedicated coordinator.
    let evaluator: Evaluator?
    /// On rank 0.
    let coordinator: RunCoordinator?
    let console: Console
    /// Whether this rank's log is the run's.
    private var logs: Bool { job.isDedicated ? job.communicator.rank == 1 : job.isCoordinator }

    /// Trains until the run, or this launch of it, ends.
    func run() throws -> TrainOutcome.End {
        let options = job.scenario.updateOptions(totalSteps: job.schedule.totalSteps)
        let log = TrainingLog(every: job.recipe.coordinator.logEvery) {
            options.optimizer.rate * options.schedule.factor(step: $0)
        }
        while true {
            let verdict = try span(log)
            var kind = job.schedule.kind(at: replica.step)
            if verdict?.stopRequested == true { kind.insert(.preempted) }
            try coordinator?.keeper.check()
            let stops: Bool
            do {
                stops = try boundary(kind, log)
            } catch {
                // Messages between steps know nothing of them; who reads of a hang wants to know where training stood.
                throw LockstepError.wrapping(error).with(step: replica.step)
            }
            if stops { return .stoppedEarly }
            if let end = job.end(kind, step: replica.step) { return end }
        }
    }

    private func span(_ log: TrainingLog) throws -> StepVerdict? {
        let (console, logs) = (console, logs)
        let times = replica.rankTimes
        return try replica.run(until: job.schedule.next(after: replica.step)) { verdict in
            if logs {
                log.note(verdict, times)
                if let straggler = times?.takeStraggler() { console.warn(Self.text(straggler, verdict)) }
            }
            console.note(verdict)
        }
    }

    private static func text(_ straggler: Straggler, _ verdict: StepVerdict) -> String {
        String(
            format:
                "rank %d took %.1f times as long as the median rank for %d steps (step %d): all wait for it; "
                + "look for other work on its cores, or a slow disk",
            straggler.rank, straggler.ratio, straggler.steps, verdict.step)
    }

    /// One boundary. Collective: every rank.
    /// - Returns: whether early stopping ends the run here.
    private func boundary(_ kind: Boundary, _ log: TrainingLog) throws -> Bool {
        // What is saved, and what is evaluated as the best, is what all nodes have.
        try replica.verifyParameters()
        let state = try replica.announce(kind)
        let stops = try kind.contains(.evaluation) && Decisions.share(coordinator?.shouldStop, job)
        var parts: [EvaluationPart] = []
        if kind.contains(.evaluation), !stops, let evaluator {
            let map = job.map
            let ranks = map.replicasOfNode.flatMap { $0 }
            let place = ranks.firstIndex(of: map.rank) ?? 0
            parts = try evaluator.parts(shared.parameters, part: place, of: ranks.count)
        }
        if job.isDedicated {
            _ = try job.communicator.gather(logs ? try log.drain() : [], to: 0)
        } else {
            let gathered = try job.communicator.gather(EvaluationPart.encode(parts), to: 0)
            if stops { coordinator?.stopEarly() }
            let end: Boundary = stops ? [.last] : []
            try coordinate(
                gathered ?? [], kind.union(end), evaluates: kind.contains(.evaluation) && !stops, state, log)
        }
        return stops
    }

    /// Rank 0, colocated: notes the evaluation and copies and saves the state while training goes on.
    private func coordinate(
        _ gathered: [[UInt8]], _ kind: Boundary, evaluates: Bool, _ arenas: ArenaCopies?, _ log: TrainingLog
    ) throws {
        guard let coordinator else { return }
        try coordinator.log(try log.drain())
        coordinator.advance(
            to: BoundaryNotice(
                step: replica.step, updates: replica.updates, skippedInRow: replica.skippedInRow, kind: kind))
        var isBest = false
        if evaluates {
            isBest = try coordinator.note(
                try gathered.flatMap(EvaluationPart.decode), batchCount: evaluator?.batchCount ?? 0)
        }
        let saves = coordinator.isSaveDue(kind, isBest: isBest)
        let state = coordinator.state
        let mustSucceed = !kind.isDisjoint(with: [.last, .preempted])
        coordinator.keeper.copy { [shared] in
            _ = try shared.gate.next()
            let snapshot = saves ? shared.snapshot(arenas) : nil
            shared.gate.publishCopied()
            guard let snapshot else { return nil }
            return { try coordinator.save(snapshot, state: state, mustSucceed: mustSucceed) }
        }
    }
}

/// The decision to stop early, from rank 0 to all.
enum Decisions {
    /// Shares whether to stop; nothing is sent where runs cannot stop early. Collective: every rank.
    /// - Parameter own: the coordinator's decision; nil on other ranks.
    static func share(_ own: Bool?, _ job: Job) throws -> Bool {
        guard job.recipe.coordinator.earlyStopping != nil else { return false }
        return try job.communicator.broadcast(own.map { [$0 ? 1 : 0] } ?? [], from: 0) == [1]
    }
}
