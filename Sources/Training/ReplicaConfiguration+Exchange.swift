import DataParallel
import Recipes

extension ReplicaConfiguration {
    /// Takes over what a recipe says about the exchange between nodes.
    mutating func apply(_ exchange: ExchangePart) {
        overlapsExchange = exchange.overlap
        bucketByteCount = Int(min(1e12, max(1, exchange.bucketMegabytes * 1e6)))
        localSteps = exchange.localSteps
        zeroStage = exchange.zeroStage
        compression =
            switch exchange.compression {
            case .none: nil
            case .bfloat16: BFloat16Compression()
            case .float16: Float16Compression()
            case .topK: TopKCompression(fraction: exchange.topFraction)
            case .powerSGD: PowerSGDCompression(rank: exchange.factorRank)
            }
    }
}
