import Execution
import Graphs
import NeuralNetworks
import Testing

/// The memory plan simulated: every byte remembers which value was written there last, and every read must find all
/// bytes of its value still its own.
@Suite struct MemoryPlanTests {
    private final class Random: Layer {
        let seed: Int
        init(seed: Int) { self.seed = seed }

        /// Operations of several sizes in any order, with values that live long and short.
        func callAsFunction(_ input: Tensor) throws -> Tensor {
            var numbers = TestNumbers(seed)
            let bias = try input.graph.parameter("bias", of: self, shape: [8], initializer: Zeros())
            let weight = try input.graph.parameter("weight", of: self, shape: [8, 8], initializer: Glorot())
            var pool = [try input.matmul(weight), try input.addingBias(bias)]
            for _ in 0..<(10 + numbers.word() % 20) {
                let (x, y) = (pool[numbers.word() % pool.count], pool[numbers.word() % pool.count])
                switch numbers.word() % 10 {
                case 0: pool.append(try x + y)
                case 1: pool.append(try x * y)
                case 2: pool.append(try x.activated(.gelu))
                case 3: pool.append(try x.activated(.tanh))
                case 4: pool.append(try x.matmul(weight, transposesRight: true))
                case 5: pool.append(try x.addingBias(bias))
                case 6: pool.append(try x.droppingOut(rate: 0.3))
                case 7: pool.append(try x.multiplied(byScalar: y.mean()))
                case 8:
                    pool.append(try x.reshaped(to: [8, x.shape[0]]).reshaped(to: x.shape).scaled(by: 1.5))
                default:
                    let wide = try x.reshaped(to: [x.shape[0], 2, 4]).sum(axis: 1)
                    let four = try input.graph.apply(
                        Broadcast(shape: [x.shape[0], 2, 4], axis: 1), to: [wide])
                    pool.append(try four.reshaped(to: x.shape))
                }
            }
            return try pool[pool.count - 1] + pool[numbers.word() % pool.count]
        }
    }

    private func simulate(_ plan: Plan, location: SourceLocation = #_sourceLocation) {
        var owners: [String: [Int: Int]] = [:]
        let scratch = -1
        func own(_ storage: Int, _ region: String, _ bytes: Range<Int>) {
            for byte in stride(from: bytes.lowerBound, to: bytes.upperBound, by: 4) {
                owners[region, default: [:]][byte] = storage
            }
        }
        func check(_ place: PlannedStep.Place, _ step: String) {
            guard place.region == "activations" || place.region == "gradients" else { return }
            let intact = stride(from: place.byteRange.lowerBound, to: place.byteRange.upperBound, by: 4)
                .allSatisfy {
                    owners[place.region]?[$0] == place.storage
                }
            #expect(intact, "\(step) reads a value that was overwritten", sourceLocation: location)
        }
        for step in plan.plannedSteps {
            for place in step.reads { check(place, step.name) }
            for place in step.writes {
                // A result may share memory with an operand only where both are the very same place.
                for read in step.reads
                where read.region == place.region && read.byteRange.overlaps(place.byteRange) {
                    #expect(read.byteRange == place.byteRange, "\(step.name)", sourceLocation: location)
                }
                if let workspace = step.workspace, place.region == "activations" {
                    #expect(!workspace.overlaps(place.byteRange), "\(step.name)", sourceLocation: location)
                }
            }
            if let workspace = step.workspace {
                for read in step.reads where read.region == "activations" {
                    #expect(!workspace.overlaps(read.byteRange), "\(step.name)", sourceLocation: location)
                }
                own(scratch, "activations", workspace)
            }
            for place in step.writes {
                own(place.storage, place.region, place.byteRange)
                #expect(
                    place.region != "activations" || place.byteRange.upperBound <= plan.arenaByteCount,
                    sourceLocation: location)
            }
        }
        for place in plan.plannedOutputs { check(place, "the caller") }
    }

    @Test(arguments: 0..<40) func randomSchedules(seed: Int) throws {
        let trace = try ModelTrace(
            Random(seed: seed), sampleCount: 4, input: .init("x", [8]), label: .init("y", [8]),
            loss: .meanSquaredError, isTraining: seed % 4 != 3)
        let check = try ProgramCheck(trace, seed: seed)
        simulate(check.plan)
        // Values grow through chains of products; the reference decides.
        try check.verify(tolerance: 1e-3)
    }

    @Test func memoryIsReused() throws {
        let trace = try ModelTrace(
            DenseNetwork(hidden: Array(repeating: 64, count: 8), outputs: 1), sampleCount: 32,
            input: .init("x", [64]), isTraining: false)
        let plan = try Plan(trace, layout: ParameterLayout(trace))
        simulate(plan)
        // Eight hidden layers need the memory of two, and a workspace.
        #expect(plan.unsharedByteCount >= 8 * 32 * 64 * 4)
        #expect(plan.arenaByteCount <= 2 * 32 * 64 * 4 + 32 * 64 * 4 + 256)
        let training = try ModelTrace(
            DenseNetwork(hidden: Array(repeating: 64, count: 8), outputs: 1), sampleCount: 32,
            input: .init("x", [64]), label: .init("y", []), loss: .sigmoidCrossEntropy, isTraining: true)
        let trainingPlan = try Plan(training, layout: ParameterLayout(training))
        simulate(trainingPlan)
        #expect(trainingPlan.arenaByteCount < trainingPlan.unsharedByteCount)
    }
}
