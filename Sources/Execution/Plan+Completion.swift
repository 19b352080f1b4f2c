/// When gradients are complete, for whoever sends them away while backward goes on.
extension Plan {
    /// For each range of elements of the gradient arena, how many steps of the plan must have run until nothing writes
    /// there any more, and nothing before it: the numbers never fall.
    /// - Parameter ranges: in the order of the arena.
    public func completions(of ranges: [Range<Int>]) -> [Int] {
        var completions = [Int](repeating: 0, count: ranges.count)
        for (index, step) in schedule.steps.enumerated() {
            for result in step.results {
                guard let written = gradientElements(of: result) else { continue }
                for place in ranges.indices where ranges[place].overlaps(written) {
                    completions[place] = index + 1
                }
            }
        }
        for place in completions.indices.dropFirst() {
            completions[place] = max(completions[place], completions[place - 1])
        }
        return completions
    }

    /// The elements of the gradient arena that a value takes; `nil` where it lies elsewhere.
    private func gradientElements(of value: PlanValue) -> Range<Int>? {
        guard let slot = memory.slots[value.storage], slot.region == .gradients else { return nil }
        let first = slot.byteOffset / MemoryLayout<Float>.size
        return first..<(first + max(1, value.layout.elementCount(of: value.type.shape)))
    }
}
