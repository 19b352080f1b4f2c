/// What products and convolutions compute in.
public enum Precision: String, Sendable, CaseIterable {
    /// IEEE 754 single precision throughout.
    case float32
    /// Products of bfloat16 numbers summed in float32; parameters, their gradients and everything that sums stay
    /// float32 (mixed precision, Kalamkar et al. 2019).
    case bfloat16
}
