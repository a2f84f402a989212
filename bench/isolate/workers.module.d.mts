export declare class WorkersModule {}
