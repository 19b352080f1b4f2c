import DataParallel
import Execution
import Graphs
import NeuralNetworks
import Testing

@Suite struct BucketPlanTests {
    private func layout(_ widths: [Int], inputs: Int = 30) throws -> ParameterLayout {
        ParameterLayout(
            try ModelTrace(
                DenseNetwork(hidden: widths, outputs: 1), sampleCount: 1, input: .init("x", [inputs]),
                label: .init("y", []), loss: .sigmoidCrossEntropy, isTraining: true))
    }

    @Test(arguments: [[], [1], [64, 64], [300, 20, 500], [7, 7, 7, 7, 7, 7, 7, 7], [1024]])
    func bucketsAndSlicesCoverTheArenaOnce(widths: [Int]) throws {
        let layout = try layout(widths)
        for target in [1, 4, 4096, 10_000, 100_000, 4 << 20, .max] {
            let plan = BucketPlan(layout, targetByteCount: target)
            #expect(
                plan.buckets.first?.lowerBound == 0 && plan.buckets.last?.upperBound == layout.elementCount)
            #expect(zip(plan.buckets, plan.buckets.dropFirst()).allSatisfy { $0.upperBound == $1.lowerBound })
            #expect(plan.buckets.allSatisfy { !$0.isEmpty })
            for lanes in [1, 2, 3, 4, 7, 16] {
                let slices = (0..<lanes).flatMap { plan.slices(lane: $0, of: lanes) }
                #expect(
                    slices.allSatisfy {
                        $0.lowerBound % 1024 == 0 && $0.upperBound % 1024 == 0 && !$0.isEmpty
                    })
                let ordered = slices.sorted { $0.lowerBound < $1.lowerBound }
                var end = 0
                for slice in ordered {
                    #expect(slice.lowerBound == end, "\(target) bytes, \(lanes) lanes")
                    end = slice.upperBound
                }
                #expect(end == layout.elementCount)
                for bucket in plan.buckets.indices {
                    let sizes = (0..<lanes).map { plan.slice(bucket: bucket, lane: $0, of: lanes).count }
                    #expect((sizes.max() ?? 0) - (sizes.min() ?? 0) <= 1024)
                }
            }
        }
    }

    @Test func aSmallTargetMakesManyBuckets() throws {
        let layout = try layout([300, 300, 300])
        #expect(BucketPlan(layout).buckets.count == 1)
        #expect(BucketPlan(layout, targetByteCount: 300 * 300 * 4).buckets.count == 3)
    }
}
