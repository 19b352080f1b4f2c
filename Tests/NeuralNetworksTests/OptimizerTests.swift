import NeuralNetworks
import Testing

/// What checkpoints and recipes call optimizers and their state; their arithmetic is tested where it runs.
@Suite struct OptimizerTests {
    @Test func namesAndState() {
        #expect(SGD().name == "sgd" && SGD().stateNames.isEmpty)
        #expect(SGD(momentum: 0.9).stateNames == ["momentum_buffer"])
        #expect(Adam().name == "adam" && Adam().stateNames == ["exp_avg", "exp_avg_sq"])
        #expect(Adam.adamW().name == "adamW" && Adam.adamW().isDecoupled)
        #expect(RMSProp().name == "rmsprop" && RMSProp().stateNames == ["square_avg"])
        #expect(RMSProp(momentum: 0.5).stateNames == ["square_avg", "momentum_buffer"])
    }

    @Test func defaultsArePyTorchs() {
        let adam = Adam()
        #expect(
            [adam.rate, adam.beta1, adam.beta2, adam.epsilon, adam.weightDecay] == [
                0.001, 0.9, 0.999, 1e-8, 0,
            ])
        #expect(Adam.adamW().weightDecay == 0.01)
        let rmsprop = RMSProp()
        #expect([rmsprop.rate, rmsprop.decay, rmsprop.epsilon, rmsprop.momentum] == [0.01, 0.99, 1e-8, 0])
    }
}
