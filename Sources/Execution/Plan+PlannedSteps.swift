/// A step of a plan with the memory that it touches, for the tests of the memory plan.
package struct PlannedStep {
    /// A value in memory.
    package struct Place {
        /// Which value it is; views share it.
        package let storage: Int
        /// The memory that it lies in, for instance `activations`.
        package let region: String
        /// Where it lies there.
        package let byteRange: Range<Int>
    }

    /// The operation's name.
    package let name: String
    /// What the step reads.
    package let reads: [Place]
    /// What it writes.
    package let writes: [Place]
    /// Bytes of the activation arena that it scribbles on.
    package let workspace: Range<Int>?
}

extension Plan {
    /// The steps in order, each with the memory that it touches.
    package var plannedSteps: [PlannedStep] {
        schedule.steps.enumerated().map { index, step in
            let scratch = step.operation.workspaceElementCount(
                operands: step.operands.map(\.type), results: step.results.map(\.type))
            let workspace = memory.workspaces[index].map { slot in
                slot.byteOffset..<(slot.byteOffset + scratch * MemoryLayout<Float>.size)
            }
            return PlannedStep(
                name: step.operation.name, reads: step.operands.compactMap(place),
                writes: step.results.compactMap(place), workspace: workspace)
        }
    }

    /// The values that must be there when the program has run.
    package var plannedOutputs: [PlannedStep.Place] { schedule.outputs.values.compactMap(place) }

    /// Bytes that all values would take side by side.
    package var unsharedByteCount: Int { memory.unsharedByteCount }

    private func place(_ value: PlanValue) -> PlannedStep.Place? {
        memory.slots[value.storage].map { slot in
            PlannedStep.Place(
                storage: value.storage, region: "\(slot.region)",
                byteRange: slot.byteOffset..<(slot.byteOffset + value.byteCount))
        }
    }
}
