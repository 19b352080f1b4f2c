/// Changes of colour on planar elements from 0 to 255, by the formulas of torchvision's ColorJitter (without hue), in
/// the order brightness, contrast, saturation.
enum ImageColors {
    /// Grey of RGB by ITU-R 601, as torchvision rounds the weights.
    private static let weights: (Float, Float, Float) = (0.2989, 0.587, 0.114)

    static func vary(
        _ elements: UnsafeMutablePointer<Float>, planeLength: Int, channelCount: Int,
        brightness: Float, contrast: Float, saturation: Float
    ) {
        let count = planeLength &* channelCount
        if brightness != 1 {
            for place in 0..<count { elements[place] = clamp(elements[place] * brightness) }
        }
        if contrast != 1 {
            var sum = 0.0
            for place in 0..<planeLength { sum += Double(grey(elements, place, planeLength, channelCount)) }
            let mean = Float(sum / Double(planeLength))
            for place in 0..<count { elements[place] = clamp(mean + contrast * (elements[place] - mean)) }
        }
        if saturation != 1, channelCount == 3 {
            for place in 0..<planeLength {
                let grey = grey(elements, place, planeLength, channelCount)
                for channel in 0..<3 {
                    let at = place &+ channel &* planeLength
                    elements[at] = clamp(grey + saturation * (elements[at] - grey))
                }
            }
        }
    }

    @inline(__always)
    private static func grey(
        _ elements: UnsafeMutablePointer<Float>, _ place: Int, _ planeLength: Int, _ channelCount: Int
    ) -> Float {
        if channelCount == 1 { return elements[place] }
        return weights.0 * elements[place] + weights.1 * elements[place &+ planeLength]
            + weights.2 * elements[place &+ 2 &* planeLength]
    }

    @inline(__always)
    private static func clamp(_ value: Float) -> Float { min(max(value, 0), 255) }
}
