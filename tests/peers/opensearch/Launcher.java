import java.nio.file.Path;
import org.codelibs.opensearch.runner.OpenSearchRunner;

/**
 * Starts one OpenSearch node on HOST, with its HTTP port at PORT, its data in DIR, and prints "ready" when it answers. More arguments are settings,
 * NAME=VALUE; a node that is told of no others is alone. The property "plugin" is the class of one that is on the class path.
 */
public final class Launcher {
    public static void main(String[] args) throws Exception {
        Path dir = Path.of(args[0]);
        String host = args[1];
        int port = Integer.parseInt(args[2]);
        OpenSearchRunner runner = new OpenSearchRunner();
        // Its own default ends at 9299. Node 1 listens on the base port plus one.
        runner.setMaxHttpPort(65000);
        runner.onBuild((number, settings) -> {
            settings.put("network.host", host);
            // Given here, as the runner itself takes another one while any address of this machine uses it.
            settings.put("http.port", String.valueOf(port));
            // The disk of a test machine may be nearly full; that is not what is tested.
            settings.put("cluster.routing.allocation.disk.threshold_enabled", false);
            // The runner would say `single-node` of each process.
            settings.put("discovery.type", args.length == 3 ? "single-node" : "zen");
            for (int at = 3; at < args.length; at++) {
                String[] setting = args[at].split("=", 2);
                if (setting[1].contains(",")) {
                    settings.putList(setting[0], setting[1].split(","));
                } else {
                    settings.put(setting[0], setting[1]);
                }
            }
        });
        OpenSearchRunner.Configs configs = OpenSearchRunner.newConfigs().basePath(dir.toString()).numOfNode(1).baseHttpPort(port - 1).useLogger();
        if (System.getProperty("plugin") != null) {
            configs.pluginTypes(System.getProperty("plugin"));
        }
        runner.build(configs);
        if (args.length == 3) {
            runner.ensureYellow();
        }
        System.out.println("ready");
        System.out.flush();
        // It lives until its standard input is closed, so that it does not outlive the test.
        while (System.in.read() >= 0) { }
        runner.close();
        System.exit(0);
    }
}
