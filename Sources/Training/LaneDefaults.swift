import Collectives
import Supervision

/// How many lanes a replica gets where nobody said: as many as its share of the node's cores.
enum LaneDefaults {
    static func lanes(_ topology: Topology, dedicated: Bool) -> Int {
        CPUBudget.current().lanes(localReplicas: localReplicas(topology, dedicated: dedicated))
    }

    /// Threads that decode samples for one lane: this rank's share of the node's cores, shared among its lanes.
    static func loaderThreads(_ topology: Topology, dedicated: Bool, lanes: Int) -> Int {
        max(1, self.lanes(topology, dedicated: dedicated) / max(1, lanes))
    }

    /// What to tell the user when this rank is bound to fewer cores than it could use.
    static func warning(_ topology: Topology, dedicated: Bool) -> String? {
        guard topology.worldSize > 1 else { return nil }
        return CPUBudget.current().affinityWarning(
            localReplicas: localReplicas(topology, dedicated: dedicated))
    }

    private static func localReplicas(_ topology: Topology, dedicated: Bool) -> Int {
        let hasCoordinator = dedicated && topology.ranksOfNode[topology.nodeIndex].contains(0)
        return topology.localSize - (hasCoordinator ? 1 : 0)
    }
}
