import Coordination
import DataParallel
import Diagnostics
import Metrics

/// The life of a dedicated coordinator: it waits for boundaries, copies the node's arenas while the replicas go on, and
/// evaluates and saves the copy.
struct DedicatedLoop {
    let job: Job
    let shared: ReplicaShared
    let evaluator: Evaluator
    let coordinator: RunCoordinator

    /// Coordinates until the replicas end.
    func run() throws -> TrainOutcome.End {
        while true {
            let notice = try shared.gate.next()
            if let end = try boundary(notice) { return end }
        }
    }

    /// One boundary. Collective: every rank.
    /// - Returns: how training ended, if it did.
    private func boundary(_ notice: BoundaryNotice) throws -> TrainOutcome.End? {
        let isEvaluation = notice.kind.contains(.evaluation)
        // All earlier evaluations are done by now: replicas that came here sooner waited for this.
        let stops = try isEvaluation && Decisions.share(coordinator.shouldStop, job)
        coordinator.advance(to: notice)
        let snapshot = shared.snapshot(try shared.gatherState())
        shared.gate.publishCopied()
        for log in try job.communicator.gather([], to: 0) ?? [] { try coordinator.log(log) }
        var isBest = false
        if isEvaluation, !stops {
            isBest = try coordinator.note(
                try evaluator.parts(snapshot.parameters), batchCount: evaluator.batchCount)
        }
        if stops { coordinator.stopEarly() }
        let kind = stops ? notice.kind.union(.last) : notice.kind
        if coordinator.isSaveDue(kind, isBest: isBest) {
            let isEnd = !kind.isDisjoint(with: [.last, .preempted])
            try coordinator.save(snapshot, state: coordinator.state, mustSucceed: isEnd)
        }
        return stops ? .stoppedEarly : job.end(kind, step: notice.step)
    }
}
