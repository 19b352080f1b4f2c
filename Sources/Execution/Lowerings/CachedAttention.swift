import CKernels
import Graphs

extension CachedAttention: Lowerable {
    func lower(_ site: Site) throws -> Instruction {
        let count = form.operandCount
        let extents = try plain.extents(site.operands.prefix(count).map(\.type))
        let (positions, cache) = (site.operands[count].slot, site.operands[count + 1])
        let (places, first) = (form.places, form.firstHeads(heads: heads, groups: groups))
        func part(_ operand: Int, _ head: Int) -> (slot: Slot, offset: Int, row: Int) {
            (site.operands[operand].slot, head * extents.width, site.operands[operand].type.shape[2])
        }
        let (q, k, v) = (part(places.query, 0), part(places.key, first.key), part(places.value, first.value))
        var template = lk_cached_attention_arguments()
        (template.samples, template.tokens) = (extents.samples, extents.queries)
        (template.capacity, template.scale) = (cache.type.shape[1], Float(extents.scale))
        (template.heads, template.groups, template.width) = (heads, groups, extents.width)
        (template.q_row, template.k_row, template.v_row) = (q.row, k.row, v.row)
        let (result, workspace) = (site.results[0].slot, site.workspace)
        return Instruction(label: name) { [template] frame in
            var arguments = template
            arguments.positions = UnsafePointer(positions.integers(frame))
            arguments.q = UnsafePointer(q.slot.floats(frame) + q.offset)
            arguments.k = UnsafePointer(k.slot.floats(frame) + k.offset)
            arguments.v = UnsafePointer(v.slot.floats(frame) + v.offset)
            arguments.cache = cache.slot.floats(frame)
            arguments.o = result.floats(frame)
            arguments.workspace = workspace?.floats(frame)
            lk_cached_attention(&arguments)
        }
    }

    func workspaceElementCount(operands: [TensorType], results: [TensorType]) -> Int {
        operands[form.operandCount + 1].shape[1]
    }

    func flops(operands: [TensorType], results: [TensorType]) -> Int {
        4 * results[0].shape.elementCount * operands[form.operandCount + 1].shape[1]
    }
}
